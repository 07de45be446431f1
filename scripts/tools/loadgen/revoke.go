package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

const (
	// keysPerTxn is within etcd's --max-txn-ops.
	keysPerTxn = 100

	revokePrefix = "revoke/"
)

// revokeLoad puts and gets at a fixed rate while, in the middle, one lease with many keys is revoked: what is measured is how
// long the others' requests take.
type revokeLoad struct {
	trial
	opened *connections
	// inFlight bounds the requests that wait for an answer.
	inFlight chan struct{}
	requests sync.WaitGroup
}

func runRevoke(s settings, opened *connections) (result, error) {
	l := &revokeLoad{trial: trial{settings: s}, opened: opened, inFlight: make(chan struct{}, unansweredLimit)}
	fmt.Fprintf(os.Stderr, "loadgen: a lease with %d keys, and %g requests/s\n", s.leaseKeys, s.rate)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	lease := leaseIDs(1)[0]
	if err := l.attach(ctx, lease); err != nil {
		return result{}, err
	}
	var sent int
	sending, stopSending := context.WithCancel(ctx)
	defer stopSending()
	var sender sync.WaitGroup
	sender.Go(func() {
		pace(sending, s.rate, func() bool {
			sent++
			return l.send(ctx, sent)
		})
	})
	var revoking sync.WaitGroup
	revoking.Go(func() {
		sleep(ctx, s.warmup+s.duration/2)
		l.revoke(ctx, lease)
	})
	err := l.measure(ctx)
	stopSending()
	sender.Wait()
	revoking.Wait()
	l.requests.Wait()
	if err != nil {
		return result{}, err
	}
	if len(l.samples) == 0 {
		return result{}, errors.Join(errors.New("no request was answered within the measured time"), l.firstError())
	}
	if err := shortfall(int64(len(l.samples)), s.rate, l.elapsed); err != nil {
		l.failed(err)
	}
	measured := l.result(0)
	measured.RatePerSecond = s.rate
	return measured, nil
}

// attach makes the lease and its keys.
func (l *revokeLoad) attach(ctx context.Context, lease int64) error {
	if err := grant(ctx, l.opened.lease[0], lease, keepAliveTTL); err != nil {
		return err
	}
	txns := (l.settings.leaseKeys + keysPerTxn - 1) / keysPerTxn
	return forEach(ctx, 8, txns, func(ctx context.Context, client, index int) error {
		txn := &pb.TxnRequest{}
		for i := index * keysPerTxn; i < min(l.settings.leaseKeys, (index+1)*keysPerTxn); i++ {
			put := &pb.PutRequest{Key: fmt.Appendf(nil, "%s%07d", revokePrefix, i), Value: make([]byte, l.settings.valueSize), Lease: lease}
			txn.Success = append(txn.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: put}})
		}
		if _, err := l.opened.kv[client%len(l.opened.kv)].Txn(ctx, txn); err != nil {
			return fmt.Errorf("keys can't be put: %w", err)
		}
		return nil
	})
}

// send puts and gets in turn, each request on its own. False if too many wait for an answer.
func (l *revokeLoad) send(ctx context.Context, number int) bool {
	select {
	case l.inFlight <- struct{}{}:
	default:
		l.failed(fmt.Errorf("%d requests wait for an answer", unansweredLimit))
		return false
	}
	start := time.Now()
	kv := l.opened.kv[number%len(l.opened.kv)]
	key := fmt.Appendf(nil, "beside/%d", number/2%1000)
	l.requests.Go(func() {
		defer func() { <-l.inFlight }()
		var err error
		if number%2 == 0 {
			_, err = kv.Put(ctx, &pb.PutRequest{Key: key, Value: make([]byte, l.settings.valueSize)})
		} else {
			_, err = kv.Range(ctx, &pb.RangeRequest{Key: key})
		}
		if err != nil {
			l.failed(err)
			return
		}
		recorder := l.recorder()
		defer recorder.close()
		recorder.record(start, time.Now())
	})
	return true
}

// revoke ends the lease, and sees that its keys are gone when it is told so.
func (l *revokeLoad) revoke(ctx context.Context, lease int64) {
	if _, err := l.opened.lease[0].LeaseRevoke(ctx, &pb.LeaseRevokeRequest{ID: lease}); err != nil {
		l.failed(fmt.Errorf("the lease can't be revoked: %w", err))
		return
	}
	l.expectGone(ctx, l.opened.kv[len(l.opened.kv)-1])
}

func (l *revokeLoad) expectGone(ctx context.Context, kv pb.KVClient) {
	left, err := kv.Range(ctx, &pb.RangeRequest{Key: []byte(revokePrefix), RangeEnd: []byte("revoke0"), CountOnly: true})
	if err != nil {
		l.failed(err)
	} else if left.Count != 0 {
		l.failed(fmt.Errorf("%d keys are there after their lease was revoked", left.Count))
	}
}
