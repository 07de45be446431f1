package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// forEach calls `do` for 0 to count-1, with as many calls at a time as there are clients, and ends at the first error.
func forEach(ctx context.Context, clients, count int, do func(ctx context.Context, client, index int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for client := range clients {
		workers.Go(func() {
			for ctx.Err() == nil {
				index := int(next.Add(1)) - 1
				if index >= count {
					return
				}
				if err := do(ctx, client, index); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// leaseIDs returns ids that no other run has: leases of runs before may still be there.
func leaseIDs(count int) []int64 {
	first := time.Now().UnixNano() / 1000 * 1000
	ids := make([]int64, count)
	for i := range ids {
		ids[i] = first + int64(i)
	}
	return ids
}

func grant(ctx context.Context, leases pb.LeaseClient, id, ttlSeconds int64) error {
	granted, err := leases.LeaseGrant(ctx, &pb.LeaseGrantRequest{ID: id, TTL: ttlSeconds})
	if err != nil {
		return fmt.Errorf("a lease can't be granted: %w", err)
	}
	if granted.ID != id || granted.TTL != ttlSeconds {
		return fmt.Errorf("lease %d of %d s was granted as %d of %d s", id, ttlSeconds, granted.ID, granted.TTL)
	}
	return nil
}

// revokeAll ends leases so that they are no load for what is measured next. Its errors are told, not counted: what was
// measured stands.
func revokeAll(s settings, opened *connections, ids []int64) error {
	return forEach(context.Background(), setupClients, len(ids), func(ctx context.Context, client, index int) error {
		leases := opened.lease[client%len(opened.lease)]
		if _, err := leases.LeaseRevoke(ctx, &pb.LeaseRevokeRequest{ID: ids[index]}); err != nil {
			return errors.Join(errors.New("a lease can't be revoked"), err)
		}
		return nil
	})
}
