package main

import (
	"context"
	"fmt"
	"time"
)

// rateKept is the part of the requests that a fixed rate asks for which must really have been sent: with fewer, the side
// that couldn't keep up was measured with less work.
const rateKept = 0.95

// pace calls `send` `rate` times a second until the context ends, or send says that it is over. After a delay it catches up,
// so that the number of calls follows the clock.
func pace(ctx context.Context, rate float64, send func() bool) {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for sent := 0; ; sent++ {
		due := start.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
		if ctx.Err() != nil || !send() {
			return
		}
	}
}

// shortfall tells that fewer requests were sent than the rate asks for; nil if enough were.
func shortfall(sent int64, rate float64, elapsed time.Duration) error {
	wanted := rate * elapsed.Seconds()
	// A rate of a few a second can't be met closer than to one request.
	if float64(sent) >= wanted*rateKept-1 {
		return nil
	}
	return fmt.Errorf("%d requests were sent within %.1f s, the rate asks for %.0f", sent, elapsed.Seconds(), wanted)
}
