package main

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
)

func TestPercentilesAreExact(t *testing.T) {
	var samples []time.Duration
	for i := 1000; i > 0; i-- {
		samples = append(samples, time.Duration(i)*time.Microsecond)
	}

	got := latencyOf(samples)

	want := latency{MeanMicros: 500.5, P50Micros: 500, P90Micros: 900, P99Micros: 990, P999Micros: 999, MaxMicros: 1000}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPercentilesOfOneSample(t *testing.T) {
	got := latencyOf([]time.Duration{7 * time.Microsecond})

	want := latency{MeanMicros: 7, P50Micros: 7, P90Micros: 7, P99Micros: 7, P999Micros: 7, MaxMicros: 7}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestKeysAreDifferentAndOfTheirSize(t *testing.T) {
	s, err := parseSettings([]string{"--key-size", "5", "--key-space", "1000"})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkload(s, 0, valuePool(s), new(atomic.Int64))

	seen := map[string]bool{}
	for i := range s.keySpace {
		seen[string(w.keyOf(i))] = true
	}

	if len(seen) != 1000 || !seen["00000"] || !seen["00999"] {
		t.Errorf("%d different keys", len(seen))
	}
}

func TestConnectionsFollowTheClients(t *testing.T) {
	for clients, want := range map[string]int{"1": 3, "100": 3, "1000": 20} {
		s, err := parseSettings([]string{"--endpoints", "a:1,b:1,c:1", "--clients", clients})
		if err != nil || s.connections != want {
			t.Errorf("%s clients: %d connections, want %d (%v)", clients, s.connections, want, err)
		}
	}
}

func TestTenantsAndConnectionsHaveEvenlyManyClients(t *testing.T) {
	for _, tenants := range []int{1, 2, 3, 6, 7} {
		const connections, clients = 3, 126
		pairs := map[[2]int]int{}
		for worker := range clients {
			tenant := tenantOf(worker, settings{tenants: make([]string, tenants)})
			pairs[[2]int{tenant, connectionOf(worker, connections, tenants)}]++
		}
		for pair, count := range pairs {
			if want := clients / connections / tenants; count != want {
				t.Errorf("%d tenants: %d clients of tenant %d on connection %d, want %d", tenants, count, pair[0], pair[1], want)
			}
		}
		if len(pairs) != connections*tenants {
			t.Errorf("%d tenants: %d pairs of tenant and connection", tenants, len(pairs))
		}
	}
}

func TestRequestsNameTheirTenant(t *testing.T) {
	s := settings{tenants: []string{"a", "b"}}
	for worker, want := range []string{"a", "b", "a"} {
		sent, _ := metadata.FromOutgoingContext(inTenant(t.Context(), worker, s))
		if got := sent.Get(tenantHeader); len(got) != 1 || got[0] != want {
			t.Errorf("worker %d names %q, want %q", worker, got, want)
		}
	}
	if _, named := metadata.FromOutgoingContext(inTenant(t.Context(), 0, settings{})); named {
		t.Error("a tenant is named without being asked for")
	}
}

func TestContradictionsAreRefused(t *testing.T) {
	for line, text := range map[string]string{
		"--op swim":                           "swim",
		"--key-size 2":                        "--key-size 2",
		"--endpoints a:1,b:1 --connections 1": "--connections 1",
		"--cert x":                            "--cert and --key",
		"--pids 1,x":                          `"x"`,
		"--reads 101":                         "--reads",
		"--tenants a,b":                       "--clients 1",
		"--tenants a --op watch":              "--op watch",
		"--duration 0s":                       "--duration",
	} {
		_, err := parseSettings(strings.Fields(line))
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got error %v, want one with %q", line, err, text)
		}
	}
}

func TestProcessCPUMovesWithWork(t *testing.T) {
	pids := []int{os.Getpid()}
	before, err := processCPU(pids)
	if err != nil {
		t.Fatal(err)
	}

	for deadline := time.Now().Add(30 * time.Millisecond); time.Now().Before(deadline); {
	}
	after, err := processCPU(pids)

	if spent := after.since(before).total(); err != nil || spent < time.Millisecond || spent > time.Second {
		t.Errorf("spent %v (%v)", spent, err)
	}
}
