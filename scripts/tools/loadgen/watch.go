package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// sequenceBytes begin each value and say the how-manieth put it is, so that an event tells when its put was sent.
const sequenceBytes = 8

// watchLoad is a fixed rate of puts to ranges that watchers watch. Latency is that from just before a put is sent until a
// watcher has its event; what is counted are events. If the watchers don't read, puts are measured instead.
type watchLoad struct {
	trial
	values []byte
	// sentAt holds, for each put by its number, when it was sent, in nanoseconds after `epoch`.
	sentAt []atomic.Int64
	epoch  time.Time
	puts   atomic.Int64
	// inWindow counts the puts sent within the measured time.
	inWindow  atomic.Int64
	delivered atomic.Int64
	// expected says for each range what its watchers must have been told in the end.
	expected []expectation
	watchers []*watcher
}

// expectation is an amount of puts and the sum of their hashed numbers, which no other set of puts is likely to have.
type expectation struct {
	count  atomic.Int64
	digest atomic.Uint64
}

// watcher is checked by its stream's goroutine as its events come.
type watcher struct {
	rangeIndex   int
	lastRevision int64
	count        int64
	digest       uint64
}

func runWatch(s settings, opened *connections) (result, error) {
	puts := int(s.rate*(s.warmup+s.duration+drainTime).Seconds()) + 2
	l := &watchLoad{
		trial: trial{settings: s}, values: valuePool(s), epoch: time.Now(),
		sentAt: make([]atomic.Int64, puts), expected: make([]expectation, s.ranges),
	}
	for i := range s.watchers {
		l.watchers = append(l.watchers, &watcher{rangeIndex: i % s.ranges})
	}
	fmt.Fprintf(os.Stderr, "loadgen: %d watchers of %d ranges on %d connections, %g puts/s\n",
		s.watchers, s.ranges, s.connections, s.rate)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	var streams sync.WaitGroup
	if err := l.openStreams(ctx, opened, &streams); err != nil {
		return result{}, err
	}
	writing, stopWriting := context.WithCancel(ctx)
	defer stopWriting()
	var writers sync.WaitGroup
	l.startWriters(writing, ctx, opened, &writers)
	err := l.measure(ctx)
	stopWriting()
	writers.Wait()
	if !s.unread {
		l.awaitEvents()
	}
	cancel()
	streams.Wait()
	if err != nil {
		return result{}, err
	}
	return l.verified()
}

// openStreams opens a stream on each connection and returns when all watchers are there.
func (l *watchLoad) openStreams(ctx context.Context, opened *connections, streams *sync.WaitGroup) error {
	share := make([][]*watcher, l.settings.connections)
	for i, w := range l.watchers {
		share[i%len(share)] = append(share[i%len(share)], w)
	}
	ready := make(chan error, len(share))
	for i, watchers := range share {
		if len(watchers) == 0 {
			ready <- nil
			continue
		}
		stream, err := opened.watch[i].Watch(ctx)
		if err != nil {
			return fmt.Errorf("a watch stream can't be opened: %w", err)
		}
		streams.Go(func() { l.serve(ctx, stream, watchers, ready) })
	}
	for range share {
		if err := <-ready; err != nil {
			return err
		}
	}
	return nil
}

// serve creates a stream's watchers and checks what they are told until ctx ends.
func (l *watchLoad) serve(ctx context.Context, stream pb.Watch_WatchClient, watchers []*watcher, ready chan<- error) {
	if err := l.create(stream, watchers); err != nil {
		ready <- err
		return
	}
	ready <- nil
	if l.settings.unread {
		<-ctx.Done()
		return
	}
	recorder := l.recorder()
	defer recorder.close()
	for {
		response, err := stream.Recv()
		now := time.Now()
		if err != nil {
			if ctx.Err() == nil {
				l.failed(fmt.Errorf("a watch stream ended: %w", err))
			}
			return
		}
		if response.Canceled || response.WatchId < 0 || response.WatchId >= int64(len(watchers)) {
			l.failed(fmt.Errorf("a watcher was cancelled, or is none of ours: %v", response))
			continue
		}
		l.take(response, watchers[response.WatchId], now, recorder)
	}
}

// create asks for the watchers one by one, with their places as ids.
func (l *watchLoad) create(stream pb.Watch_WatchClient, watchers []*watcher) error {
	for id, w := range watchers {
		key, end := l.rangeOf(w.rangeIndex)
		request := &pb.WatchCreateRequest{Key: key, RangeEnd: end, WatchId: int64(id)}
		err := stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: request}})
		if err != nil {
			return fmt.Errorf("a watcher can't be asked for: %w", err)
		}
	}
	for created := 0; created < len(watchers); created++ {
		response, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("a watcher can't be created: %w", err)
		}
		if !response.Created || response.Canceled {
			return fmt.Errorf("a watcher was not created: %v", response)
		}
	}
	return nil
}

// rangeOf is a single key, or a prefix. None is the beginning of another.
func (l *watchLoad) rangeOf(index int) (key, end []byte) {
	if l.settings.watchKeys {
		return fmt.Appendf(nil, "watch/%06d", index), nil
	}
	return fmt.Appendf(nil, "watch/%06d/", index), fmt.Appendf(nil, "watch/%06d0", index)
}

// take checks that the events are newer than those before, and counts them.
func (l *watchLoad) take(response *pb.WatchResponse, w *watcher, now time.Time, recorder *recorder) {
	for _, event := range response.Events {
		if event.Kv.ModRevision <= w.lastRevision || len(event.Kv.Value) < sequenceBytes {
			l.failed(fmt.Errorf("an event of revision %d came after one of %d", event.Kv.ModRevision, w.lastRevision))
			continue
		}
		w.lastRevision = event.Kv.ModRevision
		number := binary.BigEndian.Uint64(event.Kv.Value)
		w.count++
		w.digest += hashed(number)
		if number < uint64(len(l.sentAt)) {
			recorder.record(l.epoch.Add(time.Duration(l.sentAt[number].Load())), now)
		}
	}
	l.delivered.Add(int64(len(response.Events)))
}

// startWriters sends puts at the settings' rate, with as many in flight as there are clients, until `writing` ends; those in
// flight then are awaited.
func (l *watchLoad) startWriters(writing, ctx context.Context, opened *connections, writers *sync.WaitGroup) {
	// One that no client is free for waits, so that the rate is caught up with.
	due := make(chan struct{}, 10_000)
	writers.Go(func() {
		defer close(due)
		pace(writing, l.settings.rate, func() bool {
			select {
			case due <- struct{}{}:
				return true
			case <-writing.Done():
				return false
			}
		})
	})
	for client := range l.settings.clients {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(l.settings.seed, uint64(client)))
			recorder := l.recorder()
			defer recorder.close()
			for range due {
				if writing.Err() != nil {
					return
				}
				start := time.Now()
				l.put(ctx, opened, random)
				if l.settings.unread {
					recorder.record(start, time.Now())
				}
			}
		})
	}
}

func (l *watchLoad) put(ctx context.Context, opened *connections, random *rand.Rand) {
	number := l.puts.Add(1) - 1
	if number >= int64(len(l.sentAt)) {
		return
	}
	// In turn, so that it doesn't matter which of the endpoints leads.
	kv := opened.kv[int(number)%len(opened.kv)]
	rangeIndex := int(number) % l.settings.ranges
	key, end := l.rangeOf(rangeIndex)
	if end != nil {
		key = fmt.Appendf(key, "%06d", random.IntN(l.settings.keySpace))
	}
	value := binary.BigEndian.AppendUint64(make([]byte, 0, l.settings.valueSize), uint64(number))
	offset := random.IntN(valuePoolSize)
	value = append(value, l.values[offset:offset+l.settings.valueSize-sequenceBytes]...)

	start := time.Now()
	l.sentAt[number].Store(int64(start.Sub(l.epoch)))
	if _, err := kv.Put(ctx, &pb.PutRequest{Key: key, Value: value}); err != nil {
		l.failed(err)
		return
	}
	l.expected[rangeIndex].count.Add(1)
	l.expected[rangeIndex].digest.Add(hashed(uint64(number)))
	if window := l.window.Load(); window != nil && window.contains(start) {
		l.inWindow.Add(1)
	}
}

// awaitEvents waits, but not for ever, until as many events have come as must.
func (l *watchLoad) awaitEvents() {
	var want int64
	for _, w := range l.watchers {
		want += l.expected[w.rangeIndex].count.Load()
	}
	for deadline := time.Now().Add(drainTime); l.delivered.Load() < want && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// verified holds each watcher against what it must have been told.
func (l *watchLoad) verified() (result, error) {
	if len(l.samples) == 0 {
		return result{}, errors.Join(errors.New("no event came within the measured time"), l.firstError())
	}
	var missing int64
	for i, w := range l.watchers {
		if l.settings.unread {
			break
		}
		want := &l.expected[w.rangeIndex]
		switch {
		case w.count < want.count.Load():
			missing += want.count.Load() - w.count
		case w.count > want.count.Load() || w.digest != want.digest.Load():
			l.failed(fmt.Errorf("watcher %d was told of %d puts, not of the %d there were", i, w.count, want.count.Load()))
		}
	}
	if err := shortfall(l.inWindow.Load(), l.settings.rate, l.elapsed); err != nil {
		l.failed(err)
	}
	measured := l.result(missing)
	measured.Watchers, measured.RatePerSecond = l.settings.watchers, l.settings.rate
	return measured, nil
}

func (t *trial) firstError() error {
	if len(t.errorTexts) == 0 {
		return nil
	}
	return errors.New(t.errorTexts[0])
}

// hashed is a mixing function (splitmix64): sums of what it returns tell sets of numbers apart.
func hashed(number uint64) uint64 {
	number += 0x9E3779B97F4A7C15
	number = (number ^ number>>30) * 0xBF58476D1CE4E5B9
	number = (number ^ number>>27) * 0x94D049BB133111EB
	return number ^ number>>31
}
