package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// barSteps is how finely a bar shows a share.
const barSteps = 1000

// progressBar returns a function that shows which share of some work is done, on a terminal; elsewhere it says
// nothing. The second function takes the bar away.
func progressBar(w io.Writer, what string) (show func(share float64), done func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(float64) {}, func() {}
	}
	bar := progressbar.NewOptions(barSteps,
		progressbar.OptionSetWriter(f),
		progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)
	// A bar that cannot be drawn must not stop the work.
	return func(share float64) { _ = bar.Set(int(share * barSteps)) }, func() { _ = bar.Finish() }
}
