package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// drainTime is how long requests in flight may take after the measured time.
const drainTime = 10 * time.Second

// errorTextLimit bounds how many texts of failed requests the result shows.
const errorTextLimit = 5

// load is the state that all workers of a run share.
type load struct {
	settings    settings
	connections *connections
	values      []byte
	// filled counts, for each tenant, the keys that are written or about to be.
	filled   []atomic.Int64
	stopping atomic.Bool
	// window is the measured time, nil before it begins. A worker records an answer that arrives in it.
	window atomic.Pointer[window]
	errors atomic.Int64
	// tooManyErrors is closed when the settings' limit is reached.
	tooManyErrors chan struct{}

	mutex      sync.Mutex
	errorTexts []string
	samples    []time.Duration
	misses     int64
}

// window is filled in while it is open: the end is set before the workers are told to stop.
type window struct {
	start time.Time
	end   atomic.Pointer[time.Time]
}

func (w *window) contains(t time.Time) bool {
	end := w.end.Load()
	return !t.Before(w.start) && (end == nil || t.Before(*end))
}

func run(s settings) (result, error) {
	opened, err := connect(s)
	if err != nil {
		return result{}, err
	}
	measured, err := runOn(s, opened)
	return measured, errors.Join(err, opened.Close())
}

func runOn(s settings, opened *connections) (result, error) {
	switch s.op {
	case opWatch:
		return runWatch(s, opened)
	case opKeepAlive:
		return runKeepAlive(s, opened)
	case opExpiry:
		return runExpiry(s, opened)
	case opRevoke:
		return runRevoke(s, opened)
	}
	l := &load{
		settings: s, connections: opened, values: valuePool(s), tooManyErrors: make(chan struct{}),
		filled: make([]atomic.Int64, max(len(s.tenants), 1)),
	}
	return l.measure()
}

func (l *load) measure() (result, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := l.settings
	fmt.Fprintf(os.Stderr, "loadgen: %s, %d clients on %d connections\n", s.op, s.clients, s.connections)

	var workers sync.WaitGroup
	if s.op == opFill {
		s.warmup = 0
	}
	if s.warmup == 0 {
		l.window.Store(&window{start: time.Now()})
	}
	before, err := l.cpuNow()
	if err != nil {
		return result{}, err
	}
	for worker := range s.clients {
		workers.Go(func() { l.work(ctx, worker) })
	}
	done := make(chan struct{})
	go func() {
		workers.Wait()
		close(done)
	}()

	if s.warmup > 0 {
		l.wait(s.warmup, done)
		if before, err = l.cpuNow(); err != nil {
			return result{}, err
		}
		l.window.Store(&window{start: time.Now()})
	}
	duration := s.duration
	if s.op == opFill {
		duration = 24 * time.Hour // it ends by itself
	}
	l.wait(duration, done)
	end := time.Now()
	after, err := l.cpuNow()
	if err != nil {
		return result{}, err
	}
	l.window.Load().end.Store(&end)
	l.stopping.Store(true)

	// Nothing hangs on a server that doesn't answer any more.
	drained := time.AfterFunc(drainTime, cancel)
	<-done
	drained.Stop()
	return l.resultOf(end.Sub(l.window.Load().start), before, after)
}

// wait returns when the time is over, the workers have ended, or too many requests have failed.
func (l *load) wait(duration time.Duration, done <-chan struct{}) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	case <-l.tooManyErrors:
	}
}

// work is one client.
func (l *load) work(ctx context.Context, worker int) {
	ctx = inTenant(ctx, worker, l.settings)
	own := newWorkload(l.settings, worker, l.values, &l.filled[tenantOf(worker, l.settings)])
	kv := l.connections.forWorker(worker, l.settings)
	var samples []time.Duration
	// Each starts at another endpoint, so that a few workers that take turns don't move in step.
	for turn := worker; !l.stopping.Load(); turn++ {
		start := time.Now()
		more, err := own.request(ctx, kv[turn%len(kv)])
		if !more {
			break
		}
		end := time.Now()
		window := l.window.Load()
		switch {
		case err != nil:
			l.failed(err)
		case window != nil && window.contains(end):
			samples = append(samples, end.Sub(start))
		}
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.samples = append(l.samples, samples...)
	l.misses += own.misses
}

func (l *load) failed(err error) {
	l.mutex.Lock()
	if len(l.errorTexts) < errorTextLimit {
		l.errorTexts = append(l.errorTexts, err.Error())
	}
	l.mutex.Unlock()
	if l.errors.Add(1) == l.settings.maxErrors {
		close(l.tooManyErrors)
		l.stopping.Store(true)
	}
}

// cpuNow reads the CPU time of the servers and, in the last place, of this process.
func (l *load) cpuNow() (cpuTimes, error) {
	return processCPU(append(append([]int(nil), l.settings.pids...), os.Getpid()))
}

func (l *load) resultOf(elapsed time.Duration, before, after cpuTimes) (result, error) {
	s := l.settings
	if failures := l.errors.Load(); failures >= s.maxErrors {
		return result{}, fmt.Errorf("gave up after %d failed requests, such as: %s", failures, l.errorTexts[0])
	}
	if len(l.samples) == 0 {
		return result{}, errors.New("no request was answered within the measured time")
	}
	spent := after.since(before)
	servers, self := spent[:len(s.pids)], spent[len(s.pids)]
	seconds := make([]float64, len(servers))
	for i, server := range servers {
		seconds[i] = server.Seconds()
	}
	ops := int64(len(l.samples))
	return result{
		Op: s.op, Clients: s.clients, Connections: s.connections, Seed: s.seed,
		DurationSeconds: elapsed.Seconds(),
		Ops:             ops, Errors: l.errors.Load(), Misses: l.misses, ErrorTexts: l.errorTexts,
		ThroughputPerSecond:  float64(ops) / elapsed.Seconds(),
		Latency:              latencyOf(l.samples),
		ServerCPUMicrosPerOp: perOp(servers.total(), ops),
		ServerCPUSeconds:     seconds,
		ClientCPUMicrosPerOp: perOp(self, ops),
	}, nil
}
