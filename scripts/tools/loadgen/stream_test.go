package main

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// wrong counts the errors other than that a busy machine didn't keep the rate.
func wrong(got result) int64 {
	if len(got.ErrorTexts) == 1 && strings.Contains(got.ErrorTexts[0], "the rate asks for") {
		return got.Errors - 1
	}
	return got.Errors
}

func TestEventsAreCountedAndVerified(t *testing.T) {
	endpoint := startEtcd(t)
	for name, line := range map[string][]string{
		"one key":  {"--watch-keys", "--watchers", "40", "--connections", "4", "--clients", "1"},
		"prefixes": {"--watchers", "40", "--ranges", "20", "--connections", "3", "--clients", "5"},
	} {
		s := settingsOf(t, append(line, "--endpoints", endpoint, "--op", opWatch, "--rate", "100", "--warmup", "100ms", "--duration", "1s")...)
		s.pids = []int{os.Getpid()}

		got, err := run(s)

		if err != nil || wrong(got) != 0 || got.Misses != 0 {
			t.Fatalf("%s: %+v (%v)", name, got, err)
		}
		// Each put goes to one range, which 40 or 2 watchers watch.
		perPut := int64(40 / s.ranges)
		if got.Ops < 20*perPut || got.Ops > 200*perPut || got.ServerCPUMicrosPerOp <= 0 || got.Latency.P50Micros <= 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPutsAreMeasuredBesideWatchersThatDoNotRead(t *testing.T) {
	s := settingsOf(t, "--endpoints", startEtcd(t), "--op", opWatch, "--unread", "--rate", "100", "--warmup", "0s", "--duration", "500ms")

	got, err := run(s)

	if err != nil || wrong(got) != 0 || got.Misses != 0 || got.Ops < 10 || got.Ops > 60 {
		t.Errorf("%+v (%v)", got, err)
	}
}

func TestLeasesAreKeptAliveAtTheRate(t *testing.T) {
	s := settingsOf(t, "--endpoints", startEtcd(t), "--op", opKeepAlive, "--leases", "50", "--connections", "3", "--rate", "200",
		"--warmup", "100ms", "--duration", "1s")

	got, err := run(s)

	if err != nil || wrong(got) != 0 || got.Misses != 0 || got.Ops < 40 || got.Ops > 400 || got.Latency.P50Micros <= 0 {
		t.Errorf("%+v (%v)", got, err)
	}
}

func TestLeasesEndTogetherAndNotEarly(t *testing.T) {
	s := settingsOf(t, "--endpoints", startEtcd(t), "--op", opExpiry, "--leases", "30")

	got, err := run(s)

	if err != nil || got.Errors != 0 || got.Ops != 30 || got.Latency.MaxMicros <= 0 {
		t.Errorf("%+v (%v)", got, err)
	}
}

func newWatchLoad(t *testing.T) *watchLoad {
	t.Helper()
	l := &watchLoad{
		trial: trial{settings: settingsOf(t, "--op", opWatch, "--rate", "1", "--duration", "1s")}, epoch: time.Now(),
		sentAt: make([]atomic.Int64, 100), expected: make([]expectation, 1), watchers: []*watcher{{}},
	}
	l.elapsed = time.Second
	l.before, l.after = cpuTimes{0}, cpuTimes{0}
	l.window.Store(&window{start: l.epoch})
	return l
}

// told plays events, given as (revision, number), to the one watcher, and returns the verdict.
func told(t *testing.T, l *watchLoad, events ...[2]int64) result {
	t.Helper()
	recorder := l.recorder()
	for _, event := range events {
		value := []byte{0, 0, 0, 0, 0, 0, 0, byte(event[1])}
		kv := &mvccpb.KeyValue{ModRevision: event[0], Value: value}
		l.take(&pb.WatchResponse{Events: []*mvccpb.Event{{Kv: kv}}}, l.watchers[0], time.Now(), recorder)
	}
	recorder.close()
	got, err := l.verified()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFaultyEventsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		events         [][2]int64
		errors, misses int64
	}{
		"right":     {[][2]int64{{2, 0}, {3, 1}, {4, 2}}, 0, 0},
		"lost":      {[][2]int64{{2, 0}, {4, 2}}, 0, 1},
		"reordered": {[][2]int64{{2, 0}, {4, 2}, {3, 1}}, 1, 1},
		"twice":     {[][2]int64{{2, 0}, {3, 1}, {3, 1}, {4, 2}}, 1, 0},
		"another's": {[][2]int64{{2, 0}, {3, 1}, {4, 7}}, 1, 0},
	} {
		l := newWatchLoad(t)
		for number := range uint64(3) {
			l.expected[0].count.Add(1)
			l.expected[0].digest.Add(hashed(number))
		}

		got := told(t, l, c.events...)

		if got.Errors != c.errors || got.Misses != c.misses {
			t.Errorf("%s: %d errors, %d misses: %v", name, got.Errors, got.Misses, got.ErrorTexts)
		}
	}
}

func TestEarlyAndUnknownDeletionsAreErrors(t *testing.T) {
	now := time.Now()
	l := &expiryLoad{ids: []int64{7, 8}, due: []time.Time{now, now.Add(time.Second)}, gone: make([]bool, 2), left: 2}
	recorder := l.recorder()

	for _, key := range []string{"expiry/0", "expiry/1", "expiry/0", "expiry/2", "x"} {
		l.ended(&mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(key)}}, now, recorder)
	}

	// The second ended a second early; then come one that is gone, one that never was, and no key of ours.
	if l.errors.Load() != 4 || l.left != 0 {
		t.Errorf("%d errors, %d left: %v", l.errors.Load(), l.left, l.errorTexts)
	}
}

func TestPaceCatchesUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	var slow sync.Once
	calls := 0
	start := time.Now()

	pace(ctx, 1000, func() bool {
		slow.Do(func() { time.Sleep(100 * time.Millisecond) })
		calls++
		return true
	})

	// Half of what the clock asks for, since a busy machine may cut the end off; without catching up it would be less after
	// every delay.
	elapsed := time.Since(start)
	if most := int(elapsed.Seconds()*1000) + 1; calls < most/2 || calls > most {
		t.Errorf("%d calls within %v", calls, elapsed)
	}
}

func TestShortfallIsTold(t *testing.T) {
	if err := shortfall(950, 1000, time.Second); err != nil {
		t.Error(err)
	}
	if err := shortfall(940, 1000, time.Second); err == nil {
		t.Error("60 of 1000 requests were not sent, and nobody says so")
	}
}
