package history

import (
	"context"
	"time"
)

// retryPolicy is exponential backoff: the wait before retry k = 0, 1, ... is
//
//	w = min(first * 2^k, longest) * (1/2 + J/2)
//
// with J from jitter, or 1 without it. The jitter keeps scalers that failed together from returning together.
type retryPolicy struct {
	retries        int
	first, longest time.Duration
	jitter         func() float64
}

func (r retryPolicy) delay(retry int, asked time.Duration) time.Duration {
	wait := r.first
	for range retry {
		wait = min(2*wait, r.longest)
	}
	if r.jitter != nil {
		wait = time.Duration(float64(wait) * (0.5 + 0.5*r.jitter()))
	}
	return max(wait, min(asked, r.longest))
}

// wait returns the error of the context if that ends first.
func (r retryPolicy) wait(ctx context.Context, retry int, asked time.Duration) error {
	timer := time.NewTimer(r.delay(retry, asked))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
