package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of load.
const (
	opPut             = "put"
	opGetLinearizable = "get-linearizable"
	opGetSerializable = "get-serializable"
	opMixed           = "mixed"
	// opFill puts every key of the key space once, so that later reads find something.
	opFill = "fill"
	// opWatch puts at a fixed rate and counts the events that watchers get.
	opWatch = "watch"
	// opKeepAlive renews leases at a fixed rate.
	opKeepAlive = "keepalive"
	// opExpiry lets leases end together.
	opExpiry = "expiry"
	// opRevoke puts and gets at a fixed rate beside the revoke of a lease with many keys.
	opRevoke = "revoke"
)

var operations = []string{opPut, opGetLinearizable, opGetSerializable, opMixed, opFill, opWatch, opKeepAlive, opExpiry, opRevoke}

// clientsPerConnection is the default density: an etcd client multiplexes, and a connection costs both sides more CPU time
// than a stream on one that exists.
const clientsPerConnection = 50

type settings struct {
	endpoints   []string
	op          string
	tenants     []string
	clients     int
	connections int
	duration    time.Duration
	warmup      time.Duration
	keySize     int
	valueSize   int
	keySpace    int
	reads       int
	rate        float64
	watchers    int
	ranges      int
	watchKeys   bool
	unread      bool
	leases      int
	leaseKeys   int
	seed        uint64
	caCert      string
	cert        string
	key         string
	pids        []int
	maxErrors   int64
}

func parseSettings(arguments []string) (settings, error) {
	var s settings
	var endpoints, tenants, pids string
	flags := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	flags.StringVar(&endpoints, "endpoints", "127.0.0.1:2379", "comma-separated host:port; the clients are spread evenly")
	flags.StringVar(&s.op, "op", opPut, strings.Join(operations, ", "))
	flags.StringVar(&tenants, "tenants", "",
		"comma-separated tenants of Lattice, which requests name; the clients are spread evenly, each tenant has the key space")
	flags.IntVar(&s.clients, "clients", 1, "requests in flight")
	flags.IntVar(&s.connections, "connections", 0,
		fmt.Sprintf("connections over all endpoints; 0 is one per %d clients, and one per endpoint at least", clientsPerConnection))
	flags.DurationVar(&s.duration, "duration", 10*time.Second, "measured time")
	flags.DurationVar(&s.warmup, "warmup", 2*time.Second, "time under load before measuring")
	flags.IntVar(&s.keySize, "key-size", 16, "bytes")
	flags.IntVar(&s.valueSize, "value-size", 256, "bytes")
	flags.IntVar(&s.keySpace, "key-space", 100_000, "different keys")
	flags.IntVar(&s.reads, "reads", 80, "percentage of linearizable gets among the requests of mixed; the others are puts")
	flags.Float64Var(&s.rate, "rate", 1000, "puts a second of watch, keepalives a second of keepalive, requests a second of revoke")
	flags.IntVar(&s.watchers, "watchers", 10, "watchers of watch, over all connections; a connection has one stream")
	flags.IntVar(&s.ranges, "ranges", 1, "different ranges that are watched, and put to in turn")
	flags.BoolVar(&s.watchKeys, "watch-keys", false, "a range is a single key, not a prefix")
	flags.BoolVar(&s.unread, "unread", false, "watchers don't read their events; what is counted are the puts")
	flags.IntVar(&s.leaseKeys, "lease-keys", 1000, "keys of the lease of revoke")
	flags.IntVar(&s.leases, "leases", 1000, "leases of keepalive and expiry")
	flags.Uint64Var(&s.seed, "seed", 1, "of the choice of keys and values")
	flags.StringVar(&s.caCert, "cacert", "", "CA certificates (PEM) that the servers' are checked with; turns TLS on")
	flags.StringVar(&s.cert, "cert", "", "client certificate (PEM)")
	flags.StringVar(&s.key, "key", "", "client key (PEM)")
	flags.StringVar(&pids, "pids", "", "comma-separated server processes on this machine whose CPU time is reported")
	flags.Int64Var(&s.maxErrors, "max-errors", 100, "give up after so many failed requests")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	s.endpoints = fields(endpoints)
	s.tenants = fields(tenants)
	for _, pid := range fields(pids) {
		number, err := strconv.Atoi(pid)
		if err != nil || number <= 0 {
			return s, fmt.Errorf("--pids: %q is no process id", pid)
		}
		s.pids = append(s.pids, number)
	}
	return s.withDefaults(), s.check()
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func (s settings) withDefaults() settings {
	if s.connections == 0 {
		s.connections = max(len(s.endpoints), (s.clients+clientsPerConnection-1)/clientsPerConnection)
	}
	return s
}

func (s settings) check() error {
	switch {
	case len(s.endpoints) == 0:
		return errors.New("--endpoints is empty")
	case !slices.Contains(operations, s.op):
		return fmt.Errorf("--op %q is none of %s", s.op, strings.Join(operations, ", "))
	case s.clients < 1 || s.connections < 0 || s.keySpace < 1:
		return errors.New("--clients and --key-space must be at least 1, --connections at least 0")
	case len(s.tenants) > 0 && slices.Contains([]string{opWatch, opKeepAlive, opExpiry, opRevoke}, s.op):
		return fmt.Errorf("--tenants is not for --op %s", s.op)
	case len(s.tenants) > s.clients:
		return fmt.Errorf("--clients %d leaves some of the %d tenants without one", s.clients, len(s.tenants))
	case s.connections > 0 && s.connections < len(s.endpoints):
		return fmt.Errorf("--connections %d leaves some of the %d endpoints without one", s.connections, len(s.endpoints))
	case s.keySize < len(strconv.Itoa(s.keySpace-1)) || s.valueSize < 0:
		return fmt.Errorf("--key-size %d is too small for %d keys, or --value-size is negative", s.keySize, s.keySpace)
	case s.rate <= 0 || s.watchers < 1 || s.leases < 1 || s.leaseKeys < 1:
		return errors.New("--rate must be positive, --watchers, --leases and --lease-keys at least 1")
	case s.ranges < 1 || s.ranges > s.watchers:
		return errors.New("--ranges must be at least 1, and --watchers enough for one each")
	case s.op == opWatch && s.valueSize < sequenceBytes:
		return fmt.Errorf("--value-size must be at least %d for %s", sequenceBytes, opWatch)
	case s.duration <= 0 || s.warmup < 0:
		return errors.New("--duration must be positive and --warmup not negative")
	case s.reads < 0 || s.reads > 100:
		return errors.New("--reads is a percentage")
	case (s.cert == "") != (s.key == ""):
		return errors.New("--cert and --key belong together")
	case s.cert != "" && s.caCert == "":
		return errors.New("--cert needs --cacert")
	}
	return nil
}
