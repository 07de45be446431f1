// Loadgen puts a steady load of one kind on an etcd v3 cluster and reports throughput, latency and what it cost the
// servers in CPU time.
//
//	loadgen --endpoints 127.0.0.1:2379,127.0.0.1:2389 --op put --clients 100 --duration 10s --pids 123,124
//
// A client is a loop that has one request in flight. The result is one JSON object on standard output; progress and
// trouble go to standard error. Exit status: 0 measured (the result may count some errors), 1 could not measure, 2 bad
// command line.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
)

func main() {
	settings, err := parseSettings(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(2)
	}
	// The generator shares the machine with the servers. It keeps little alive, so letting garbage grow costs memory only
	// and saves CPU time that would go from the servers.
	debug.SetGCPercent(800)
	result, err := run(settings)
	if err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}
