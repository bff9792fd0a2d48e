package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// progress draws a bar on a terminal; elsewhere it says nothing.
type progress struct {
	mu          sync.Mutex
	w           io.Writer
	label       string // set it only while nothing is added
	count, size int
	drawn       int
}

const progressWidth = 30

func newProgress(w io.Writer, size int) *progress {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &progress{w: w, size: size, drawn: -1}
		}
	}
	return &progress{w: io.Discard, size: size, drawn: -1}
}

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count += n
	percent := 100 * p.count / max(1, p.size)
	if percent == p.drawn {
		return
	}
	p.drawn = percent
	full := progressWidth * percent / 100
	fmt.Fprintf(p.w, "\r%-20s [%s%s] %3d%%", p.label, strings.Repeat("#", full), strings.Repeat(".", progressWidth-full), percent)
}

// done clears the line.
func (p *progress) done() { fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", 20+progressWidth+8)) }
