// Opens the pages that prescale writes in a real browser: nothing is loaded, nothing fails, they fit a phone, follow the
// dark scheme, print, and tell the values under the pointer and the keyboard.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const run = promisify(execFile);
const prescale = process.env.PRESCALE;
const root = path.resolve(import.meta.dirname, "../..");
// With SCREENSHOTS=folder, what a reader sees is kept there.
const screenshots = process.env.SCREENSHOTS;

// Each page is written by a command, as a user would.
const pages = {
  simulate: ["simulate", "-f", "examples/scenarios/promotion.yaml", "--engine", "events", "--replications", "2", "--policies", "predictive,hpa-rate,oracle,fixed", "-o", "html"],
  backtest: ["backtest", "--history", "{folder}/load.csv", "--horizon", "1h", "--window", "30m", "--models", "naive,seasonal-naive-1d,blend", "-o", "html"],
};

// Ten days of half hours with a rush at noon and a little that no model knows.
const load = () => {
  const lines = ["timestamp,value"];
  for (let i = 0; i < 480; i++) {
    const rate = 100 - 60 * Math.cos(i * Math.PI / 24) + 10 * Math.sin(i * i);
    lines.push(`${new Date(Date.UTC(2026, 2, 2) + i * 1800e3).toISOString()},${rate.toFixed(2)}`);
  }
  return lines.join("\n") + "\n";
};

let browser, folder;
before(async () => {
  assert.ok(prescale, "PRESCALE names the program: run this by `make browser`");
  folder = await mkdtemp(path.join(tmpdir(), "prescale-browser-"));
  await writeFile(path.join(folder, "load.csv"), load());
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

for (const [name, args] of Object.entries(pages)) {
  test(name, async t => {
    const file = path.join(folder, name + ".html");
    await run(prescale, [...args.map(a => a.replace("{folder}", folder)), "--out", file], { cwd: root });
    assert.ok((await stat(file)).size < 4e6, "the page stays small enough to be mailed");
    const url = pathToFileURL(file).href;

    const open = async options => {
      const context = await browser.newContext(options);
      t.after(() => context.close());
      const page = await context.newPage();
      const troubles = [];
      page.on("console", m => { if (["error", "warning"].includes(m.type())) troubles.push(m.text()); });
      page.on("pageerror", e => troubles.push(String(e)));
      page.on("request", r => { if (r.url() !== url) troubles.push("loads " + r.url()); });
      await page.goto(url);
      return { page, troubles };
    };
    const noted = async (page, troubles, what) => {
      assert.deepEqual(troubles, [], what);
      if (screenshots) await page.screenshot({ path: path.join(screenshots, `${name}-${what}.png`), fullPage: true });
    };
    const overflow = page => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

    await t.test("values under pointer and keyboard", async () => {
      const { page, troubles } = await open({ viewport: { width: 1200, height: 900 } });
      for (const folded of await page.locator("details > summary").all()) await folded.click();
      const figures = page.locator("figure[tabindex]");
      assert.ok(await figures.count() > 0, "there are charts");
      for (let i = 0; i < await figures.count(); i++) {
        const figure = figures.nth(i);
        await figure.scrollIntoViewIfNeeded();
        const box = await figure.locator("svg").boundingBox();
        await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.6);
        const tip = figure.locator(".tip");
        assert.ok(await tip.isVisible(), "the pointer shows values");
        assert.match(await tip.innerText(), /\d/);
        const inside = await tip.boundingBox();
        assert.ok(inside.x >= 0 && inside.x + inside.width <= 1200, "the values stay on the page");
        await page.mouse.move(0, 0);
        assert.equal(await tip.count(), 0, "and go with the pointer");
        await figure.focus();
        await page.keyboard.press("ArrowRight");
        const first = await tip.innerText();
        for (let k = 0; k < 20; k++) await page.keyboard.press("ArrowRight");
        assert.notEqual(await tip.innerText(), first, "arrow keys move the cursor");
        await page.keyboard.press("Escape");
        assert.equal(await tip.count(), 0);
      }
      await noted(page, troubles, "light");
    });

    await t.test("tables sort", async () => {
      const { page, troubles } = await open({ viewport: { width: 1200, height: 900 } });
      const table = page.locator("table:has(th.sortable)").first();
      const heading = table.locator("th.n").first();
      await heading.click();
      const column = await table.evaluate(e => {
        const i = [...e.tHead.rows[0].cells].findIndex(c => c.hasAttribute("aria-sort"));
        return [...e.tBodies[0].rows].map(r => parseFloat(r.cells[i].textContent.replace(/[^0-9.eE+-]/g, ""))).filter(v => !Number.isNaN(v));
      });
      assert.deepEqual(column, [...column].sort((a, b) => a - b));
      assert.deepEqual(troubles, []);
    });

    await t.test("dark", async () => {
      const { page, troubles } = await open({ colorScheme: "dark", viewport: { width: 1200, height: 900 } });
      const brightness = await page.evaluate(() => {
        const rgb = e => getComputedStyle(e).backgroundColor.match(/[\d.]+/g).slice(0, 3).map(Number);
        const ink = getComputedStyle(document.body).color.match(/[\d.]+/g).slice(0, 3).map(Number);
        const sum = a => a.reduce((x, y) => x + y);
        return { paper: sum(rgb(document.body)), ink: sum(ink) };
      });
      assert.ok(brightness.paper < 150 && brightness.ink > 600, "light text on dark ground");
      await noted(page, troubles, "dark");
    });

    await t.test("phone", async () => {
      const { page, troubles } = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
      assert.equal(await overflow(page), 0, "the page does not scroll sideways");
      await noted(page, troubles, "phone");
    });

    await t.test("without script", async () => {
      const { page } = await open({ javaScriptEnabled: false });
      assert.ok(await page.locator("figure svg path").count() > 0, "the charts are there all the same");
    });

    await t.test("print", async () => {
      const { page, troubles } = await open({ colorScheme: "dark" });
      const pdf = await page.pdf({ format: "A4" });
      assert.ok(pdf.length > 10_000);
      await page.emulateMedia({ media: "print" });
      assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
      assert.deepEqual(troubles, []);
    });
  });
}
