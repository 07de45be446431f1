package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// setupClients grant and revoke leases, which isn't measured.
const setupClients = 300

// keepAliveTTL is longer than a run, so that no lease ends between two of its keepalives, whatever their rate.
const keepAliveTTL = 600

// unansweredLimit bounds the keepalives of one stream that wait for an answer.
const unansweredLimit = 10_000

// keepAliveLoad renews leases at a fixed rate, each in its turn, as clients do that keep many alive: one stream a connection.
type keepAliveLoad struct {
	trial
	inWindow atomic.Int64
	streams  []*keepAliveStream
}

type keepAliveStream struct {
	call pb.Lease_LeaseKeepAliveClient
	ids  []int64
	next int
	// sent holds what waits for an answer, in order.
	sent chan sentKeepAlive
}

type sentKeepAlive struct {
	id int64
	at time.Time
}

func runKeepAlive(s settings, opened *connections) (result, error) {
	l := &keepAliveLoad{trial: trial{settings: s}}
	fmt.Fprintf(os.Stderr, "loadgen: %d leases on %d connections, %g keepalives/s\n", s.leases, s.connections, s.rate)
	ids := leaseIDs(s.leases)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := forEach(ctx, setupClients, s.leases, func(ctx context.Context, client, index int) error {
		return grant(ctx, opened.lease[client%len(opened.lease)], ids[index], keepAliveTTL)
	})
	if err != nil {
		return result{}, err
	}
	missing, err := l.renew(ctx, opened, ids)
	if err != nil {
		return result{}, err
	}
	if len(l.samples) == 0 {
		return result{}, errors.Join(errors.New("no keepalive was answered within the measured time"), l.firstError())
	}
	if err := shortfall(l.inWindow.Load(), s.rate, l.elapsed); err != nil {
		l.failed(err)
	}
	measured := l.result(missing)
	measured.Leases, measured.RatePerSecond = s.leases, s.rate
	return measured, revokeAll(s, opened, ids)
}

// renew keeps the leases alive while it measures, and returns how many keepalives were never answered.
func (l *keepAliveLoad) renew(ctx context.Context, opened *connections, ids []int64) (int64, error) {
	var receivers sync.WaitGroup
	for i := range l.settings.connections {
		call, err := opened.lease[i].LeaseKeepAlive(ctx)
		if err != nil {
			return 0, fmt.Errorf("a keepalive stream can't be opened: %w", err)
		}
		stream := &keepAliveStream{call: call, sent: make(chan sentKeepAlive, unansweredLimit)}
		for at := i; at < len(ids); at += l.settings.connections {
			stream.ids = append(stream.ids, ids[at])
		}
		l.streams = append(l.streams, stream)
		receivers.Go(func() { l.receive(stream) })
	}
	sending, stopSending := context.WithCancel(ctx)
	defer stopSending()
	var sender sync.WaitGroup
	sender.Go(func() {
		turn := 0
		pace(sending, l.settings.rate, func() bool {
			turn++
			return l.send(l.streams[turn%len(l.streams)])
		})
	})
	err := l.measure(ctx)
	stopSending()
	sender.Wait()

	for _, stream := range l.streams {
		close(stream.sent)
		err = errors.Join(err, stream.call.CloseSend())
	}
	// Nothing hangs on a server that doesn't answer any more.
	done := make(chan struct{})
	go func() {
		receivers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(drainTime):
		return 0, errors.New("keepalives are not answered")
	}
	var missing int64
	for _, stream := range l.streams {
		missing += int64(len(stream.sent))
	}
	return missing, err
}

// send renews the next lease of a stream; false if the stream is broken.
func (l *keepAliveLoad) send(stream *keepAliveStream) bool {
	id := stream.ids[stream.next%len(stream.ids)]
	stream.next++
	now := time.Now()
	select {
	case stream.sent <- sentKeepAlive{id, now}:
	default:
		l.failed(fmt.Errorf("%d keepalives of a stream wait for an answer", unansweredLimit))
		return false
	}
	if err := stream.call.Send(&pb.LeaseKeepAliveRequest{ID: id}); err != nil {
		l.failed(fmt.Errorf("a keepalive can't be sent: %w", err))
		return false
	}
	if window := l.window.Load(); window != nil && window.contains(now) {
		l.inWindow.Add(1)
	}
	return true
}

// receive holds each answer against its request until the stream has ended and every request is answered.
func (l *keepAliveLoad) receive(stream *keepAliveStream) {
	recorder := l.recorder()
	defer recorder.close()
	for sent := range stream.sent {
		answer, err := stream.call.Recv()
		now := time.Now()
		switch {
		case err != nil:
			l.failed(fmt.Errorf("a keepalive stream ended: %w", err))
			return
		case answer.ID != sent.id || answer.TTL <= 0:
			l.failed(fmt.Errorf("the keepalive of lease %d was answered for %d with a TTL of %d", sent.id, answer.ID, answer.TTL))
		default:
			recorder.record(sent.at, now)
		}
	}
}
