package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// gracePeriod is how long a process may take to end after SIGTERM. Chosen by us: etcd and Prometheus flush within
	// a second.
	gracePeriod = 10 * time.Second
	// logTail is how much of each log a failed test prints.
	logTail = 4 << 10
)

// Process is a child of the test with its output in a log file.
type Process struct {
	Name string

	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when the process has ended

	mu       sync.Mutex
	expected bool  // ended because the test wanted it to
	exit     error // valid once done is closed
}

// forker runs functions one after another on a single operating system thread that lives as long as the test process.
// Linux sends the parent-death signal when the thread that forked ends, not when its process does, so children must not
// be started from one of the threads that the Go runtime retires at will.
var forker = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Start runs a program in a process group of its own and appends its output to <name>.log in the suite's folder. The
// kernel kills it if the test process disappears, whatever the reason.
func (e *Environment) Start(tb testing.TB, name, program string, args ...string) *Process {
	tb.Helper()
	p := &Process{Name: name, log: e.Path("logs", name+".log"), done: make(chan struct{})}
	require.NoError(tb, os.MkdirAll(filepath.Dir(p.log), 0o700))
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(tb, err)

	p.cmd = exec.Command(program, args...)
	p.cmd.Dir = e.Dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// The group of its own keeps an interrupt at the terminal from reaching the children before the test has seen it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	started := make(chan error, 1)
	forker() <- func() { started <- p.cmd.Start() }
	require.NoError(tb, <-started, "starting %s", name)
	require.NoError(tb, log.Close()) // the child has its own
	go func() {
		p.exit = p.cmd.Wait()
		close(p.done)
	}()

	e.mu.Lock()
	e.processes = append(e.processes, p)
	e.mu.Unlock()
	return p
}

// Stop asks the process to end, waits for it, and kills it when it takes longer than the grace period.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Kill ends the process without a chance to clean up, as a crash or a lost node would.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

func (p *Process) end(signal syscall.Signal) {
	p.mu.Lock()
	p.expected = true
	p.mu.Unlock()
	// A negative number addresses the whole process group. An error means that it is gone already.
	_ = syscall.Kill(-p.cmd.Process.Pid, signal)
	select {
	case <-p.done:
	case <-time.After(gracePeriod):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
}

// failure returns an error with the end of the log if the process ended although nobody asked it to.
func (p *Process) failure() error {
	p.mu.Lock()
	expected := p.expected
	p.mu.Unlock()
	select {
	case <-p.done:
		if expected {
			return nil
		}
		if p.exit == nil {
			return fmt.Errorf("%s ended unexpectedly, without an error; its last words:\n%s", p.Name, p.tail())
		}
		return fmt.Errorf("%s ended unexpectedly: %w; its last words:\n%s", p.Name, p.exit, p.tail())
	default:
		return nil
	}
}

// tail returns the last part of the log, whole lines only.
func (p *Process) tail() []byte {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	if len(content) <= logTail {
		return content
	}
	content = content[len(content)-logTail:]
	return content[bytes.IndexByte(content, '\n')+1:]
}

// failure returns the unexpected ends of all processes, or nil.
func (e *Environment) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, p := range e.processes {
		errs = append(errs, p.failure())
	}
	return errors.Join(errs...)
}

// stopAll stops the processes, the youngest first, so that nobody sees what it depends on vanish.
func (e *Environment) stopAll() {
	e.mu.Lock()
	processes := slices.Clone(e.processes)
	e.mu.Unlock()
	if e.tb.Failed() {
		printed := make(map[string]bool) // a program that was started twice has one log
		for _, p := range processes {
			if !printed[p.log] {
				e.tb.Logf("---- end of %s\n%s", p.log, p.tail())
			}
			printed[p.log] = true
		}
	}
	for _, p := range slices.Backward(processes) {
		p.Stop()
	}
}
