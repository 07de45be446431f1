package main

import (
	"context"
	"fmt"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

const (
	counterMutex = "recipes/counter/mutex"
	counterValue = "recipes/counter/value"
	counterOwn   = "recipes/counter/own/"
)

// counter adds one to a common value, again and again. That is read and written in two steps, and only the mutex keeps others
// out in between: the value is compared with nothing when it is written. Each step of this process happens once, whatever
// its answers say: the number of the step is written with it, and expected to be that of the step before.
func counter(ctx context.Context, w worker) error {
	var s *concurrency.Session
	for step := 1; step <= w.rounds; {
		if s == nil || lost(s) {
			var err error
			if s, err = w.session(ctx); err != nil {
				return err
			}
		}
		done, err := w.countOnce(ctx, s, step)
		if err != nil {
			return err
		}
		if done {
			step++
		}
	}
	return until(ctx, "the end of the session", func(context.Context) (bool, error) {
		err := s.Close()
		return err == nil, err
	})
}

// countOnce is done when the step has happened; not done means that the session was lost before.
func (w worker) countOnce(ctx context.Context, s *concurrency.Session, step int) (bool, error) {
	mutex := concurrency.NewMutex(s, counterMutex)
	locked, stepped := false, false
	err := until(ctx, "a step under the mutex", func(context.Context) (bool, error) {
		if lost(s) {
			return true, nil
		}
		if !locked {
			// Without a limit: others may hold it for long.
			if err := mutex.Lock(s.Ctx()); err != nil {
				return false, err
			}
			locked = true
		}
		attempt, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if !stepped {
			if err := w.addOne(attempt, mutex, step); err != nil {
				return false, err
			}
			stepped = true
		}
		return w.unlock(attempt, mutex)
	})
	return stepped, err
}

func (w worker) unlock(ctx context.Context, mutex *concurrency.Mutex) (bool, error) {
	err := mutex.Unlock(ctx)
	return err == nil, err
}

func (w worker) addOne(ctx context.Context, mutex *concurrency.Mutex, step int) error {
	own := counterOwn + w.name
	mine, err := w.number(ctx, own)
	if err != nil || mine == step {
		return err
	}
	value, err := w.number(ctx, counterValue)
	if err != nil {
		return err
	}
	stepBefore := clientv3.Compare(clientv3.Version(own), "=", int64(step-1))
	resp, err := w.client.Txn(ctx).
		If(mutex.IsOwner(), stepBefore).
		Then(clientv3.OpPut(counterValue, strconv.Itoa(value+1)), clientv3.OpPut(own, strconv.Itoa(step))).
		Commit()
	if err != nil {
		return err
	}
	if !resp.Succeeded {
		return fmt.Errorf("step %d was decided elsewhere, or the lock is gone", step)
	}
	return nil
}

func (w worker) number(ctx context.Context, key string) (int, error) {
	resp, err := w.client.Get(ctx, key)
	if err != nil || len(resp.Kvs) == 0 {
		return 0, err
	}
	return strconv.Atoi(string(resp.Kvs[0].Value))
}
