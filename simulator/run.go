package simulator

import (
	"context"
	"errors"

	"github.com/prescale/prescale/replay"
)

// Run simulates one replication of a configuration under one policy. The seed is all its randomness depends on. A nil policy
// leaves the replicas as they are.
//
// Errors: an invalid configuration; one that needs more than its limits allow, with the estimate; what the policy
// reports; the context's.
func Run(ctx context.Context, config *Config, policy replay.Policy, seed uint64) (*Result, error) {
	return nil, errors.New("simulator: the engine is not built yet")
}
