// Package planner decides how many replicas a workload needs by the time they can be ready.
//
// It has two halves, so that replaying weeks of the past is fast and one decision code serves the
// live adapter, the commands, the simulator and the tuner alike. [Observe] gathers what is known at
// an instant into [Inputs]: quantiles of the highest rate over the lead window, the highest rates of
// the recent past, the rate now, the calendar. [Decide] is a pure function of [Settings], Inputs and
// [State]; it returns a [Recommendation] with every intermediate number and the term that was
// binding. [Recommend] does both.
//
// The law is
//
//	N(t) = clamp( max( need(Q_q[max rate over the lead window]),   forecast
//	                   need(k × max observed rate of the last h),   envelope
//	                   need(rate now + backlog / drain),            reactive
//	                   calendar floor at t + lead ),                calendar
//	              min, max )
//
// where need(rate) is the least number of replicas that keeps the service level objective according
// to package queueing ([NeedTable]), q the quantile planned for, and h and k the window and factor of
// the envelope. Uncertainty enters once, through q.
//
// The package assumes that the rates are offered rates (what clients send, also what is refused),
// that replicas are alike and share the load well enough to act as one queue, and that arrivals
// within a bucket are Poisson. It has no clock, goroutine, logger, file or network.
package planner
