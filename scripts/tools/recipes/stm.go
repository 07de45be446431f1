package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	"go.etcd.io/etcd/client/v3/concurrency"
)

const (
	accounts = 5
	account  = "recipes/stm/account/"
)

// stm moves money between accounts in transactions, each of which also counts this process' moves. Accounts may be overdrawn:
// together they hold nothing. A move without an answer may have happened, so moves are counted where they happen.
func stm(ctx context.Context, w worker) error {
	moves := "recipes/stm/moves/" + w.name
	levels := []concurrency.Isolation{concurrency.SerializableSnapshot, concurrency.Serializable, concurrency.RepeatableReads}
	for moved := 0; moved < w.rounds; {
		err := until(ctx, "a move", func(attempt context.Context) (bool, error) {
			from, to := account+strconv.Itoa(rand.IntN(accounts)), account+strconv.Itoa(rand.IntN(accounts))
			amount := 1 + rand.IntN(100)
			_, err := concurrency.NewSTM(w.client, func(txn concurrency.STM) error {
				add(txn, from, -amount)
				add(txn, to, amount)
				moved = add(txn, moves, 1)
				return nil
			}, concurrency.WithIsolation(levels[rand.IntN(len(levels))]), concurrency.WithAbortContext(attempt))
			return err == nil, err
		})
		if err != nil {
			return fmt.Errorf("after %d moves: %w", moved, err)
		}
	}
	return nil
}

func add(txn concurrency.STM, key string, amount int) int {
	value, err := strconv.Atoi(txn.Get(key))
	if err != nil {
		// Nothing there yet.
		value = 0
	}
	txn.Put(key, strconv.Itoa(value+amount))
	return value + amount
}
