package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"
)

const items = 40

// queues plays the recipes that can't go on after an error, one after the other.
func queues(ctx context.Context, w worker) error {
	plays := map[string]func(context.Context, worker) error{
		"queue": queue, "priority queue": priorityQueue, "barrier": barrier,
		"double barrier": doubleBarrier, "readers and writers": readersAndWriters, "try lock": tryLock,
	}
	var group group
	for name, play := range plays {
		group.Go(func() error {
			if err := play(ctx, w); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// group is some functions that run at the same time.
type group struct {
	running sync.WaitGroup
	lock    sync.Mutex
	errs    []error
}

func (g *group) Go(part func() error) {
	g.running.Go(func() {
		if err := part(); err != nil {
			g.lock.Lock()
			defer g.lock.Unlock()
			g.errs = append(g.errs, err)
		}
	})
}

func (g *group) Wait() error {
	g.running.Wait()
	return errors.Join(g.errs...)
}

// queue: what several put in, several take out, each item once.
func queue(_ context.Context, w worker) error {
	q := recipe.NewQueue(w.client, "recipes/queue/"+w.name)
	var taken [items]atomic.Int32
	var group group
	for half := range 2 {
		group.Go(func() error {
			for i := half; i < items; i += 2 {
				if err := q.Enqueue(fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return nil
		})
		group.Go(func() error {
			for range items / 2 {
				value, err := q.Dequeue()
				if err != nil {
					return err
				}
				var i int
				if _, err := fmt.Sscan(value, &i); err != nil {
					return err
				}
				taken[i].Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range taken {
		if times := taken[i].Load(); times != 1 {
			return fmt.Errorf("item %d was taken %d times", i, times)
		}
	}
	return nil
}

// priorityQueue: the smallest priority comes first, and of equals the older one.
func priorityQueue(_ context.Context, w worker) error {
	q := recipe.NewPriorityQueue(w.client, "recipes/priorities/"+w.name)
	for i, priority := range []uint16{3, 1, 2, 1} {
		if err := q.Enqueue(fmt.Sprintf("%d of %d", i, priority), priority); err != nil {
			return err
		}
	}
	var order []string
	for range 4 {
		value, err := q.Dequeue()
		if err != nil {
			return err
		}
		order = append(order, value)
	}
	if want := []string{"1 of 1", "3 of 1", "2 of 2", "0 of 3"}; !slices.Equal(order, want) {
		return fmt.Errorf("came as %v", order)
	}
	return nil
}

// barrier: nobody passes before it is released, all do then.
func barrier(_ context.Context, w worker) error {
	b := recipe.NewBarrier(w.client, "recipes/barrier/"+w.name)
	if err := b.Hold(); err != nil {
		return err
	}
	if err := b.Hold(); !errors.Is(err, recipe.ErrKeyExists) {
		return fmt.Errorf("held twice: %v", err)
	}
	var released atomic.Bool
	var group group
	for range 3 {
		group.Go(func() error {
			if err := recipe.NewBarrier(w.client, "recipes/barrier/"+w.name).Wait(); err != nil {
				return err
			}
			if !released.Load() {
				return errors.New("passed before the release")
			}
			return nil
		})
	}
	released.Store(true)
	if err := b.Release(); err != nil {
		return err
	}
	return group.Wait()
}

// doubleBarrier: nobody is in before all have come, and nobody is out before all have left.
func doubleBarrier(ctx context.Context, w worker) error {
	const parties = 3
	var came, leaving atomic.Int32
	var group group
	for range parties {
		group.Go(func() error {
			s, err := w.session(ctx)
			if err != nil {
				return err
			}
			b := recipe.NewDoubleBarrier(s, "recipes/double/"+w.name, parties)
			came.Add(1)
			if err := b.Enter(); err != nil {
				return err
			}
			if n := came.Load(); n != parties {
				return fmt.Errorf("in when %d had come", n)
			}
			leaving.Add(1)
			if err := b.Leave(); err != nil {
				return err
			}
			if n := leaving.Load(); n != parties {
				return fmt.Errorf("out when %d were leaving", n)
			}
			return s.Close()
		})
	}
	return group.Wait()
}

// readersAndWriters: a writer is alone.
func readersAndWriters(ctx context.Context, w worker) error {
	var readers, writers atomic.Int32
	var group group
	for i := range 4 {
		group.Go(func() error {
			s, err := w.session(ctx)
			if err != nil {
				return err
			}
			lock := recipe.NewRWMutex(s, "recipes/rw/"+w.name)
			for range 5 {
				if i%2 == 0 {
					err = read(lock, &readers, &writers)
				} else {
					err = write(lock, &readers, &writers)
				}
				if err != nil {
					return err
				}
			}
			return s.Close()
		})
	}
	return group.Wait()
}

func read(lock *recipe.RWMutex, readers, writers *atomic.Int32) error {
	if err := lock.RLock(); err != nil {
		return err
	}
	readers.Add(1)
	if n := writers.Load(); n != 0 {
		return fmt.Errorf("a reader beside %d writers", n)
	}
	readers.Add(-1)
	return lock.RUnlock()
}

func write(lock *recipe.RWMutex, readers, writers *atomic.Int32) error {
	if err := lock.Lock(); err != nil {
		return err
	}
	if n := writers.Add(1); n != 1 || readers.Load() != 0 {
		return fmt.Errorf("%d writers beside %d readers", n, readers.Load())
	}
	writers.Add(-1)
	return lock.Unlock()
}

// tryLock: refused at once while another one holds it.
func tryLock(ctx context.Context, w worker) error {
	var mutexes []*concurrency.Mutex
	for range 2 {
		s, err := w.session(ctx)
		if err != nil {
			return err
		}
		mutexes = append(mutexes, concurrency.NewMutex(s, "recipes/try/"+w.name))
	}
	if err := mutexes[0].TryLock(ctx); err != nil {
		return err
	}
	if err := mutexes[1].TryLock(ctx); !errors.Is(err, concurrency.ErrLocked) {
		return fmt.Errorf("a held lock: %v", err)
	}
	if err := mutexes[0].Unlock(ctx); err != nil {
		return err
	}
	return mutexes[1].TryLock(ctx)
}
