// Package lint proves that the import rules and the forbidden calls of .golangci.yml bite, and that they spare what is
// allowed. It makes a throw-away module with one small file per case and compares the files that the linter reports
// with the verdicts of the cases. The modules of others are stubs, so it needs no network and only seconds.
//
// `make lint` runs it. By hand: go test . -golangci-lint PROGRAM.
package lint

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const own = "github.com/prescale/prescale"

var program = flag.String("golangci-lint", "golangci-lint", "the linter to run")

type issue struct {
	FromLinter, Text string
	Pos              struct{ Filename string }
}

// aCase is one file of the throw-away module.
type aCase struct {
	file, linter, what string
	allowed            bool
}

func TestRules(t *testing.T) {
	config, err := os.ReadFile("../../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	write(t, filepath.Join(tree, ".golangci.yml"), string(config))
	cases := append(writeImports(t, tree), writeCalls(t, tree)...)
	writeModule(t, tree)

	reported := map[string][]issue{}
	fired := map[string]bool{}
	list := regexp.MustCompile(`from list '([^']+)'`)
	for _, i := range run(t, tree) {
		if i.FromLinter == "typecheck" {
			t.Fatalf("the throw-away module does not compile: %s: %s", i.Pos.Filename, i.Text)
		}
		key := i.FromLinter + " " + filepath.ToSlash(i.Pos.Filename)
		reported[key] = append(reported[key], i)
		if m := list.FindStringSubmatch(i.Text); m != nil {
			fired[m[1]] = true
		}
	}
	for _, c := range cases {
		got := reported[c.linter+" "+c.file]
		switch {
		case c.allowed && len(got) > 0:
			t.Errorf("%s: allowed, but reported: %s", c.what, got[0].Text)
		case !c.allowed && len(got) == 0:
			t.Errorf("%s: forbidden, but %s does not report it", c.what, c.linter)
		}
	}
	for _, rule := range depguardRules(t, string(config)) {
		if !fired[rule] {
			t.Errorf("depguard rule %s: no case makes it bite; is its file pattern right, and is there a case?", rule)
		}
	}
	t.Logf("%d cases", len(cases))
}

// writeImports writes a file per importing folder and import. An import of ours gets a package of its own beneath the
// folder, so that no import cycle arises; the others stand in the folder itself. So both depths are covered.
func writeImports(t *testing.T, tree string) []aCase {
	t.Helper()
	var cases []aCase
	for _, rule := range imports {
		for _, from := range strings.Fields(rule.from) {
			for _, imported := range strings.Fields(rule.imported) {
				folder, suffix := splitTest(from)
				importPath := imported
				if ours, ok := strings.CutPrefix(imported, "./"); ok {
					importPath = own + "/" + ours
					folder = fmt.Sprintf("%s/case%d", folder, len(cases))
					write(t, filepath.Join(tree, ours, "x.go"), "package x\n")
				} else if module := moduleOf(imported); module != "" {
					write(t, filepath.Join(tree, ".stubs", imported, "x.go"), "package x\n")
				}
				file := fmt.Sprintf("%s/case%d%s.go", folder, len(cases), suffix)
				write(t, filepath.Join(tree, file), fmt.Sprintf("package x\n\nimport _ %q\n", importPath))
				cases = append(cases, aCase{file, "depguard", from + " imports " + imported, rule.allowed})
			}
		}
	}
	return cases
}

func writeCalls(t *testing.T, tree string) []aCase {
	t.Helper()
	var cases []aCase
	for _, rule := range calls {
		for _, from := range strings.Fields(rule.from) {
			folder, suffix := splitTest(from)
			file := fmt.Sprintf("%s/call%d%s.go", folder, len(cases), suffix)
			write(t, filepath.Join(tree, file), fmt.Sprintf("package x\n\n%s\n\nfunc call%d() {\n\t%s\n}\n",
				rule.imports, len(cases), rule.code))
			cases = append(cases, aCase{file, "forbidigo", from + " has " + rule.code, rule.allowed})
		}
	}
	return cases
}

// writeModule writes the go.mod of the throw-away module and of the stubs it requires.
func writeModule(t *testing.T, tree string) {
	t.Helper()
	mod := "module " + own + "\n\ngo 1.26.0\n"
	for _, module := range stubs {
		mod += fmt.Sprintf("\nrequire %s v%s\nreplace %s => ./.stubs/%s\n", module, stubVersion(module), module, module)
		write(t, filepath.Join(tree, ".stubs", module, "go.mod"), "module "+module+"\n")
	}
	write(t, filepath.Join(tree, "go.mod"), mod)
}

func run(t *testing.T, tree string) []issue {
	t.Helper()
	linter, err := exec.LookPath(*program)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), linter, "run", "--enable-only=depguard,forbidigo", "--issues-exit-code=0",
		"--output.json.path=stdout", "--show-stats=false", "./...")
	cmd.Dir = tree
	// A cache of its own: entries for files in a folder that is gone are of no use to anybody.
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOLANGCI_LINT_CACHE="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var result struct{ Issues []issue }
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("reading the linter's report: %v\n%s", err, out)
	}
	return result.Issues
}

// depguardRules returns the names of the rules that the configuration declares.
func depguardRules(t *testing.T, config string) []string {
	t.Helper()
	_, section, ok := strings.Cut(config, "\n    depguard:\n      rules:\n")
	if !ok {
		t.Fatal(".golangci.yml: found no depguard rules")
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^ {8}([a-z0-9-]+):$`).FindAllStringSubmatch(section, -1) {
		names = append(names, m[1])
	}
	return names
}

// splitTest turns "queueing_test" into the folder and the suffix of a test file in it.
func splitTest(from string) (folder, suffix string) {
	if folder, ok := strings.CutSuffix(from, "_test"); ok {
		return folder, "_test"
	}
	return from, ""
}

// moduleOf returns the stub module that provides an import, or "" for the standard library.
func moduleOf(importPath string) string {
	for _, module := range stubs {
		if importPath == module || strings.HasPrefix(importPath, module+"/") {
			return module
		}
	}
	return ""
}

// stubVersion returns a version that suits the module's path: v2 and up end in their major version.
func stubVersion(module string) string {
	if base := path.Base(module); regexp.MustCompile(`^v[2-9]$`).MatchString(base) {
		return base[1:] + ".0.0"
	}
	return "0.0.0"
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
