// Package harness starts a real Kubernetes control plane, a real Prometheus and prescale's own adapter on one machine,
// without containers, and observes what they do to each other.
//
// Everything is a child process on 127.0.0.1 with its files in the test's temporary folder: etcd, kube-apiserver (RBAC
// on), kube-controller-manager (the HorizontalPodAutoscaler controller under test is in it), kwok (which makes nodes and
// pods look alive), Prometheus (history by backfill, then live scrapes) and prescale-adapter. The main type is
// Environment; the parts are started on it in the order in which they depend on each other.
//
// It assumes Linux and the programs that `make e2e` builds and installs. Children never outlive the test process.
package harness

import (
	"context"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Environment is where one suite runs: its folder, its tools and the processes it started.
type Environment struct {
	// Context ends when the test ends or the user interrupts it.
	Context context.Context
	// Dir holds every file the suite writes.
	Dir string
	// Repository is the root of the source tree under test.
	Repository string

	tb    testing.TB
	tools string

	mu        sync.Mutex
	processes []*Process
}

// NewEnvironment prepares the suite's folder and finds the tools. It fails, and does not skip, when they are missing:
// a suite that quietly proves nothing is worse than none. When the suite ends every process is stopped, and if it
// failed, the end of every log is printed.
func NewEnvironment(tb testing.TB, repository string) *Environment {
	tb.Helper()
	root, err := filepath.Abs(repository)
	require.NoError(tb, err)
	require.FileExists(tb, filepath.Join(root, "hack", "build-tools.sh"), "the suite has to run inside prescale's source tree")

	// An interrupt then ends the waits, which fail the test, which stops the processes in order and removes the folder.
	ctx, stop := signal.NotifyContext(tb.Context(), os.Interrupt, syscall.SIGTERM)
	tb.Cleanup(stop)
	env := &Environment{Context: ctx, Dir: tb.TempDir(), Repository: root, tb: tb}
	env.findTools()
	tb.Cleanup(env.stopAll)
	return env
}

// findTools locates the folder that hack/build-tools.sh fills, which hack/e2e.sh hands over in PRESCALE_TOOLS, and
// checks that all programs are there.
func (e *Environment) findTools() {
	e.tb.Helper()
	if e.tools = os.Getenv("PRESCALE_TOOLS"); e.tools == "" {
		script := exec.CommandContext(e.Context, filepath.Join(e.Repository, "hack", "build-tools.sh"), "--dir")
		output, err := script.Output()
		require.NoError(e.tb, err, "asking hack/build-tools.sh for the folder of the tools")
		e.tools = strings.TrimSpace(string(output))
	}

	var missing []string
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kwok", "kwok-stages.yaml"} {
		if _, err := os.Stat(e.tool(name)); err != nil {
			missing = append(missing, e.tool(name))
		}
	}
	for _, name := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name+" (in PATH)")
		}
	}
	require.Empty(e.tb, missing, "the end-to-end suite needs programs that are not there yet: run `make e2e` in %s, which builds and installs them", e.Repository)
}

// tool returns the path of a program or file that hack/build-tools.sh made.
func (e *Environment) tool(name string) string { return filepath.Join(e.tools, name) }

// Path returns the path of a file in the suite's folder.
func (e *Environment) Path(elements ...string) string {
	return filepath.Join(append([]string{e.Dir}, elements...)...)
}

// WriteFile writes a file into the suite's folder, readable by the test's user only, and returns its path.
func (e *Environment) WriteFile(name string, content []byte) string {
	e.tb.Helper()
	path := e.Path(name)
	require.NoError(e.tb, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(e.tb, os.WriteFile(path, content, 0o600))
	return path
}

// FreePorts returns n distinct TCP ports of 127.0.0.1 on which nobody listens. All are held open until the last is
// found, so that none is handed out twice; between this call and the program's own listen another process of the
// machine could still take one, and then that program's log says so.
func (e *Environment) FreePorts(n int) []int {
	e.tb.Helper()
	ports := make([]int, n)
	var held []net.Listener
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(e.tb, err)
		held = append(held, listener)
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	for _, listener := range held {
		require.NoError(e.tb, listener.Close())
	}
	return ports
}
