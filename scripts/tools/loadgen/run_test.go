package main

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd runs an etcd server in this process, for as long as the test runs, and returns its endpoint.
func startEtcd(t *testing.T) string {
	t.Helper()
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config := embed.NewConfig()
	config.Dir = t.TempDir()
	config.LogLevel = "error"
	config.ListenClientUrls = anyPort
	config.ListenPeerUrls = anyPort
	server, err := embed.StartEtcd(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(30 * time.Second):
		t.Fatal("etcd isn't ready after 30 s")
	}
	return server.Clients[0].Addr().String()
}

func settingsOf(t *testing.T, line ...string) settings {
	t.Helper()
	s, err := parseSettings(line)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryKindOfLoadIsMeasured(t *testing.T) {
	endpoint := startEtcd(t)
	filled, err := run(settingsOf(t, "--endpoints", endpoint, "--op", opFill, "--key-space", "500", "--clients", "20"))
	if err != nil || filled.Ops != 500 || filled.Errors != 0 {
		t.Fatalf("fill: %+v (%v)", filled, err)
	}

	for _, op := range []string{opPut, opGetLinearizable, opGetSerializable, opMixed} {
		s := settingsOf(t, "--endpoints", endpoint, "--op", op, "--key-space", "500", "--clients", "4",
			"--warmup", "100ms", "--duration", "300ms")
		s.pids = []int{os.Getpid()}

		got, err := run(s)

		if err != nil || got.Errors != 0 || got.Misses != 0 {
			t.Fatalf("%s: %+v (%v)", op, got, err)
		}
		if got.Ops < 10 || got.DurationSeconds < 0.3 || got.DurationSeconds > 5 || got.ServerCPUMicrosPerOp <= 0 {
			t.Errorf("%s: %+v", op, got)
		}
		if got.Latency.P50Micros <= 0 || got.Latency.MaxMicros < got.Latency.P50Micros {
			t.Errorf("%s: latency %+v", op, got.Latency)
		}
	}
}

func TestRequestsBesideARevokeAreMeasured(t *testing.T) {
	s := settingsOf(t, "--endpoints", startEtcd(t), "--op", opRevoke, "--lease-keys", "250", "--rate", "100",
		"--warmup", "100ms", "--duration", "1s")

	got, err := run(s)

	if err != nil || got.Errors != 0 || got.Ops < 50 {
		t.Errorf("%+v (%v)", got, err)
	}
}

func TestKeysThatSurviveTheirLeaseAreAnError(t *testing.T) {
	s := settingsOf(t, "--endpoints", startEtcd(t), "--op", opRevoke, "--lease-keys", "3")
	opened, err := connect(s)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	l := &revokeLoad{trial: trial{settings: s}, opened: opened}
	if err := l.attach(t.Context(), 7); err != nil {
		t.Fatal(err)
	}

	l.expectGone(t.Context(), opened.kv[0])

	if l.errors.Load() != 1 {
		t.Errorf("%d errors: %v", l.errors.Load(), l.errorTexts)
	}
}

func TestEachTenantIsFilled(t *testing.T) {
	// etcd doesn't look at the header: the second tenant puts the first one's keys again.
	filled, err := run(settingsOf(t, "--endpoints", startEtcd(t), "--op", opFill, "--key-space", "50", "--clients", "4",
		"--tenants", "a,b"))

	if err != nil || filled.Ops != 100 || filled.Errors != 0 {
		t.Errorf("%+v (%v)", filled, err)
	}
}

func TestReadsOfAbsentKeysAreCounted(t *testing.T) {
	got, err := run(settingsOf(t, "--endpoints", startEtcd(t), "--op", opGetSerializable, "--warmup", "0s", "--duration", "100ms"))

	if err != nil || got.Misses == 0 || got.Misses < got.Ops {
		t.Errorf("%+v (%v)", got, err)
	}
}

func TestFailingRequestsEndTheRun(t *testing.T) {
	// Larger than the 1.5 MiB that etcd takes.
	s := settingsOf(t, "--endpoints", startEtcd(t), "--value-size", "1600000", "--duration", "1m", "--max-errors", "3")

	_, err := run(s)

	if err == nil || !strings.Contains(err.Error(), "gave up after 3") || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got error %v", err)
	}
}
