package main

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

const (
	observedElection = "recipes/observe/candidates"
	observedReigns   = "recipes/observe/reigns"
	observers        = 3
)

// sighting is a value that an observer was told of, once however often it was told.
type sighting struct {
	value string
	term  uint64
	err   error
}

// observe has two candidates lead in turn. Each waits until all observers have seen it lead, and then what it proclaims, before it
// resigns: so every observer has to be told of every leader, in order. It goes on until the servers have another leader than at the
// beginning, and for so many reigns more.
func observe(ctx context.Context, w worker) error {
	var candidates [2]*concurrency.Session
	for i := range candidates {
		var err error
		if candidates[i], err = w.session(ctx); err != nil {
			return err
		}
	}
	var seen [observers]chan sighting
	for i := range seen {
		seen[i] = make(chan sighting)
		// A connection of its own, so that not all are to the same server.
		client, err := clientv3.New(clientv3.Config{Endpoints: w.client.Endpoints(), Context: ctx})
		if err != nil {
			return err
		}
		defer func() { _ = client.Close() }()
		go follow(ctx, client, seen[i])
	}
	elected := campaign(ctx, candidates[0], 1)
	var firstTerm uint64
	for reign, after := 1, 0; after < w.rounds; reign++ {
		current := <-elected
		if current.err != nil {
			return current.err
		}
		term, err := awaitAll(ctx, seen[:], fmt.Sprint(reign))
		if err != nil {
			return err
		}
		elected = campaign(ctx, candidates[reign%2], reign+1)
		if err := w.proclaimAndResign(ctx, current, seen[:], reign); err != nil {
			return err
		}
		if firstTerm == 0 {
			firstTerm = term
		}
		if term > firstTerm {
			after++
		}
	}
	return nil
}

type candidacy struct {
	session  *concurrency.Session
	election *concurrency.Election
	err      error
}

// campaign tells when the candidate leads.
func campaign(ctx context.Context, s *concurrency.Session, reign int) <-chan candidacy {
	elected := make(chan candidacy, 1)
	go func() {
		e := concurrency.NewElection(s, observedElection)
		err := until(ctx, "a campaign", func(context.Context) (bool, error) {
			if lost(s) {
				return true, fmt.Errorf("the session of reign %d was lost", reign)
			}
			err := e.Campaign(s.Ctx(), fmt.Sprint(reign))
			return err == nil, err
		})
		elected <- candidacy{s, e, err}
	}()
	return elected
}

func (w worker) proclaimAndResign(ctx context.Context, c candidacy, seen []chan sighting, reign int) error {
	proclaimed := fmt.Sprintf("%d proclaimed", reign)
	err := until(ctx, "a proclamation", func(attempt context.Context) (bool, error) {
		err := c.election.Proclaim(attempt, proclaimed)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	if _, err = awaitAll(ctx, seen, proclaimed); err != nil {
		return err
	}
	err = until(ctx, "a note", func(attempt context.Context) (bool, error) {
		_, err := w.client.Put(attempt, observedReigns, fmt.Sprint(reign))
		return err == nil, err
	})
	if err != nil {
		return err
	}
	key, rev := c.election.Key(), c.election.Rev()
	return until(ctx, "a resignation", func(attempt context.Context) (bool, error) {
		// One that has failed to resign takes itself for no leader, and would never try again.
		err := concurrency.ResumeElection(c.session, observedElection, key, rev).Resign(attempt)
		return err == nil, err
	})
}

// awaitAll returns the highest term that an observer was told of, if that is the next thing that each of them sees.
func awaitAll(ctx context.Context, seen []chan sighting, value string) (uint64, error) {
	var term uint64
	for i, one := range seen {
		select {
		case got := <-one:
			if got.err != nil {
				return 0, got.err
			}
			if got.value != value {
				return 0, fmt.Errorf("observer %d saw %q instead of %q", i, got.value, value)
			}
			term = max(term, got.term)
		case <-ctx.Done():
			return 0, fmt.Errorf("observer %d never saw %q", i, value)
		}
	}
	return term, nil
}

// follow tells what an observer sees. The client's Observe ends when a read of its fails, and is then begun anew.
func follow(ctx context.Context, client *clientv3.Client, out chan<- sighting) {
	s, err := worker{client: client}.session(ctx)
	if err != nil {
		out <- sighting{err: err}
		return
	}
	e := concurrency.NewElection(s, observedElection)
	last, created, revision := "", int64(0), int64(0)
	for begun := 1; ctx.Err() == nil; begun++ {
		if begun > 1 {
			fmt.Printf("observing for the %d. time, after %q\n", begun, last)
		}
		for resp := range e.Observe(ctx) {
			kv := resp.Kvs[0]
			// Who has waited for longer leads, whatever the one before has proclaimed since.
			if kv.CreateRevision < created || kv.CreateRevision == created && kv.ModRevision < revision {
				out <- sighting{err: fmt.Errorf("%v came after %q", kv, last)}
				return
			}
			created, revision = kv.CreateRevision, kv.ModRevision
			if string(kv.Value) != last {
				last = string(kv.Value)
				out <- sighting{value: last, term: resp.Header.RaftTerm}
			}
		}
		time.Sleep(pauseOnError)
	}
}
