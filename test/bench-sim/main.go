// Bench-sim measures package simulator: its speed against yardsticks, its results against the reference values of
// queueing theory, and the fluid engine against it. See run.sh.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-sim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "speed":
			return speed(ctx, args[1:])
		case "validate":
			return validate(ctx, args[1:])
		case "fluid":
			return fluid(ctx, args[1:])
		}
	}
	return fmt.Errorf("usage: bench-sim speed|validate|fluid [flags]")
}
