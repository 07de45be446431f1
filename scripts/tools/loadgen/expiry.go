package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

const (
	// setupRate is how many leases with a key each a cluster must be able to make in a second.
	setupRate = 2_500
	// quietTime lies between the last lease and the first end.
	quietTime = 2 * time.Second
	// expiryTimeout is what the last lease may be late by.
	expiryTimeout = 10 * time.Minute

	expiryPrefix = "expiry/"
)

// expiryLoad makes leases with a key each that all end within one second, and sees when their keys go. A lease counts from
// just before it was asked for: what seems early then is early for certain, and what is late includes the time of the grant.
type expiryLoad struct {
	trial
	ids  []int64
	due  []time.Time
	gone []bool
	left int
}

func runExpiry(s settings, opened *connections) (result, error) {
	l := &expiryLoad{
		trial: trial{settings: s}, ids: leaseIDs(s.leases),
		due: make([]time.Time, s.leases), gone: make([]bool, s.leases), left: s.leases,
	}
	setup := time.Duration(float64(s.leases)/setupRate*float64(time.Second)) + 5*time.Second
	fmt.Fprintf(os.Stderr, "loadgen: %d leases that end in %.0f s\n", s.leases, (setup + quietTime).Seconds())
	ctx, cancel := context.WithTimeout(context.Background(), setup+quietTime+expiryTimeout)
	defer cancel()
	stream, err := l.watch(ctx, opened)
	if err != nil {
		return result{}, err
	}
	end := time.Now().Add(setup + quietTime)
	err = forEach(ctx, setupClients, s.leases, func(ctx context.Context, client, index int) error {
		return l.make(ctx, opened, client, index, end)
	})
	if err != nil {
		return result{}, err
	}
	quiet := time.Until(end) - quietTime/2
	if quiet < 0 {
		return result{}, fmt.Errorf("making the leases took %v too long for them to end together", -quiet)
	}
	sleep(ctx, quiet)
	if err := l.begin(); err != nil {
		return result{}, err
	}
	if err := l.receive(stream); err != nil {
		return result{}, err
	}
	if err := l.end(); err != nil {
		return result{}, err
	}
	measured := l.result(0)
	measured.Leases = s.leases
	return measured, nil
}

// watch is told of deletions only.
func (l *expiryLoad) watch(ctx context.Context, opened *connections) (pb.Watch_WatchClient, error) {
	stream, err := opened.watch[0].Watch(ctx)
	if err != nil {
		return nil, fmt.Errorf("a watch stream can't be opened: %w", err)
	}
	request := &pb.WatchCreateRequest{
		Key: []byte(expiryPrefix), RangeEnd: []byte("expiry0"),
		Filters: []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NOPUT},
	}
	err = stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: request}})
	if err != nil {
		return nil, fmt.Errorf("a watcher can't be asked for: %w", err)
	}
	created, err := stream.Recv()
	if err != nil || !created.Created || created.Canceled {
		return nil, fmt.Errorf("a watcher was not created: %v (%w)", created, err)
	}
	return stream, nil
}

// make grants a lease that ends within a second after `end`, and puts a key with it.
func (l *expiryLoad) make(ctx context.Context, opened *connections, client, index int, end time.Time) error {
	asked := time.Now()
	ttl := int64(math.Ceil(end.Sub(asked).Seconds()))
	if ttl < 2 {
		return fmt.Errorf("making %d leases took too long for them to end together", l.settings.leases)
	}
	l.due[index] = asked.Add(time.Duration(ttl) * time.Second)
	at := client % len(opened.kv)
	if err := grant(ctx, opened.lease[at], l.ids[index], ttl); err != nil {
		return err
	}
	put := &pb.PutRequest{Key: l.key(index), Lease: l.ids[index]}
	if _, err := opened.kv[at].Put(ctx, put); err != nil {
		return fmt.Errorf("a key can't be put: %w", err)
	}
	return nil
}

func (l *expiryLoad) key(index int) []byte {
	return fmt.Appendf(nil, "%s%d", expiryPrefix, index)
}

// receive returns when all keys are gone.
func (l *expiryLoad) receive(stream pb.Watch_WatchClient) error {
	recorder := l.recorder()
	defer recorder.close()
	for l.left > 0 {
		response, err := stream.Recv()
		now := time.Now()
		if err != nil {
			return fmt.Errorf("%d leases have not ended: %w", l.left, err)
		}
		for _, event := range response.Events {
			l.ended(event, now, recorder)
		}
	}
	return nil
}

func (l *expiryLoad) ended(event *mvccpb.Event, now time.Time, recorder *recorder) {
	index, err := strconv.Atoi(strings.TrimPrefix(string(event.Kv.Key), expiryPrefix))
	if err != nil || index < 0 || index >= len(l.gone) || l.gone[index] {
		l.failed(fmt.Errorf("%s was deleted, which is no key or gone already", event.Kv.Key))
		return
	}
	l.gone[index] = true
	l.left--
	if now.Before(l.due[index]) {
		l.failed(fmt.Errorf("lease %d ended %v early", l.ids[index], l.due[index].Sub(now)))
	}
	recorder.record(l.due[index], now)
}
