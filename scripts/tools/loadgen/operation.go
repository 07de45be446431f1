package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// valuePoolSize is how many random bytes values are cut from: enough that neither a page cache nor a compressing store
// sees repetition, and cheaper than making each value anew.
const valuePoolSize = 1 << 20

// workload makes the requests of one worker. It isn't safe for concurrent use, except for `filled`, which all share.
type workload struct {
	settings settings
	random   *rand.Rand
	values   []byte
	filled   *atomic.Int64
	misses   int64
}

func valuePool(s settings) []byte {
	var seed [32]byte
	seed[0] = byte(s.seed)
	pool := make([]byte, valuePoolSize+s.valueSize)
	// Never fails: it is a generator, not a file.
	_, _ = rand.NewChaCha8(seed).Read(pool)
	return pool
}

func newWorkload(s settings, worker int, values []byte, filled *atomic.Int64) *workload {
	return &workload{
		settings: s,
		random:   rand.New(rand.NewPCG(s.seed, uint64(worker))),
		values:   values,
		filled:   filled,
	}
}

// request sends one request and waits for its answer. It says false when there is nothing left to do.
func (w *workload) request(ctx context.Context, kv pb.KVClient) (bool, error) {
	switch w.settings.op {
	case opPut:
		return true, w.put(ctx, kv, w.random.IntN(w.settings.keySpace))
	case opGetLinearizable:
		return true, w.get(ctx, kv, false)
	case opGetSerializable:
		return true, w.get(ctx, kv, true)
	case opMixed:
		if w.random.IntN(100) < w.settings.reads {
			return true, w.get(ctx, kv, false)
		}
		return true, w.put(ctx, kv, w.random.IntN(w.settings.keySpace))
	case opFill:
		index := int(w.filled.Add(1)) - 1
		if index >= w.settings.keySpace {
			return false, nil
		}
		return true, w.put(ctx, kv, index)
	}
	return false, fmt.Errorf("unknown operation %q", w.settings.op)
}

func (w *workload) put(ctx context.Context, kv pb.KVClient, index int) error {
	offset := w.random.IntN(valuePoolSize)
	_, err := kv.Put(ctx, &pb.PutRequest{Key: w.keyOf(index), Value: w.values[offset : offset+w.settings.valueSize]})
	return err
}

// get counts a key that isn't there as a miss: the answer was right, but it was cheaper than the one to be measured.
func (w *workload) get(ctx context.Context, kv pb.KVClient, serializable bool) error {
	key := w.keyOf(w.random.IntN(w.settings.keySpace))
	response, err := kv.Range(ctx, &pb.RangeRequest{Key: key, Serializable: serializable})
	if err == nil && len(response.Kvs) == 0 {
		w.misses++
	}
	return err
}

// keyOf writes the index in decimal, padded with zeros to the key's size.
func (w *workload) keyOf(index int) []byte {
	key := make([]byte, w.settings.keySize)
	for i := len(key) - 1; i >= 0; i-- {
		key[i] = '0' + byte(index%10)
		index /= 10
	}
	return key
}
