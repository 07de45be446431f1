package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

const (
	electionName = "recipes/election/candidates"
	crown        = "recipes/election/crown"
	reigns       = "recipes/election/reigns/"
)

var errTwoLeaders = errors.New("two leaders at once")

// election has this process lead a few times. A leader takes the crown, which nobody may have then, proclaims, gives the crown
// back and resigns. The crown goes with the session's lease, as leadership does.
func election(ctx context.Context, w worker) error {
	var s *concurrency.Session
	for reign := 1; reign <= w.rounds; {
		if s == nil || lost(s) {
			var err error
			if s, err = w.session(ctx); err != nil {
				return err
			}
		}
		reigned, err := w.reign(ctx, s, reign)
		if err != nil {
			return err
		}
		if reigned {
			reign++
		}
	}
	return until(ctx, "the end of the session", func(context.Context) (bool, error) {
		err := s.Close()
		return err == nil, err
	})
}

// reign is done when the process has led and was succeeded; not done means that its session was lost before.
func (w worker) reign(ctx context.Context, s *concurrency.Session, reign int) (bool, error) {
	e := concurrency.NewElection(s, electionName)
	reigned := false
	stages := []func(context.Context) error{
		func(context.Context) error { return e.Campaign(s.Ctx(), w.name) },
		func(attempt context.Context) error { return w.takeCrown(attempt, s, e) },
		func(attempt context.Context) error { return e.Proclaim(attempt, fmt.Sprintf("%s %d", w.name, reign)) },
		func(attempt context.Context) error { return w.giveCrown(attempt, s, e, reign, &reigned) },
		func(attempt context.Context) error { return e.Resign(attempt) },
	}
	for _, stage := range stages {
		err := until(ctx, "a reign", func(attempt context.Context) (bool, error) {
			if lost(s) {
				return true, nil
			}
			err := stage(attempt)
			return err == nil || errors.Is(err, errTwoLeaders), err
		})
		if err != nil || lost(s) {
			return reigned, err
		}
	}
	return reigned, nil
}

// takeCrown is answered by one revision of the store, so a crown on another head while this process leads is a fact.
func (w worker) takeCrown(ctx context.Context, s *concurrency.Session, e *concurrency.Election) error {
	leads := clientv3.Compare(clientv3.CreateRevision(e.Key()), "=", e.Rev())
	free := clientv3.Compare(clientv3.CreateRevision(crown), "=", 0)
	resp, err := w.client.Txn(ctx).
		If(leads, free).
		Then(clientv3.OpPut(crown, w.name, clientv3.WithLease(s.Lease()))).
		Else(clientv3.OpGet(e.Key()), clientv3.OpGet(crown)).
		Commit()
	if err != nil || resp.Succeeded {
		return err
	}
	candidate := resp.Responses[0].GetResponseRange().Kvs
	crowned := resp.Responses[1].GetResponseRange().Kvs
	if len(candidate) == 0 || candidate[0].CreateRevision != e.Rev() {
		return errors.New("the leadership is gone")
	}
	if len(crowned) > 0 && !bytes.Equal(crowned[0].Value, []byte(w.name)) {
		return fmt.Errorf("%w: %s leads at revision %d while %s has the crown",
			errTwoLeaders, w.name, resp.Header.Revision, crowned[0].Value)
	}
	// An earlier attempt has taken it, without an answer.
	return nil
}

// giveCrown writes down that this reign was, once.
func (w worker) giveCrown(
	ctx context.Context, s *concurrency.Session, e *concurrency.Election, reign int, reigned *bool,
) error {
	mine := clientv3.Compare(clientv3.LeaseValue(crown), "=", s.Lease())
	resp, err := w.client.Txn(ctx).
		If(mine).
		Then(clientv3.OpDelete(crown), clientv3.OpPut(reigns+w.name, fmt.Sprint(reign))).
		Else(clientv3.OpGet(reigns + w.name)).
		Commit()
	if err != nil {
		return err
	}
	if !resp.Succeeded {
		noted := resp.Responses[0].GetResponseRange().Kvs
		if len(noted) == 0 || string(noted[0].Value) != fmt.Sprint(reign) {
			return fmt.Errorf("%s lost the crown in reign %d", e.Key(), reign)
		}
	}
	*reigned = true
	return nil
}
