package main

import (
	"slices"
	"time"
)

// result is what loadgen prints. Field names carry the units.
type result struct {
	Op          string `json:"op"`
	Clients     int    `json:"clients"`
	Connections int    `json:"connections"`
	Seed        uint64 `json:"seed"`
	// Of streams: watchers or leases, and how many requests a second were to be sent.
	Watchers      int     `json:"watchers,omitempty"`
	Leases        int     `json:"leases,omitempty"`
	RatePerSecond float64 `json:"rate_per_s,omitempty"`

	DurationSeconds float64 `json:"duration_s"`
	// Ops counts the requests that were answered without an error within the measured time; of watch the events that came
	// in it, of expiry the leases that ended. Latency is theirs: an event's begins before its put is sent, an ended lease's is
	// what it was late by.
	Ops    int64 `json:"ops"`
	Errors int64 `json:"errors"`
	// Misses counts, over the whole run, reads of keys that weren't there, events that didn't come, and keepalives that got
	// no answer.
	Misses     int64    `json:"misses"`
	ErrorTexts []string `json:"error_texts,omitempty"`

	ThroughputPerSecond float64 `json:"throughput_per_s"`
	Latency             latency `json:"latency"`

	ServerCPUMicrosPerOp float64   `json:"server_cpu_us_per_op"`
	ServerCPUSeconds     []float64 `json:"server_cpu_s"`
	ClientCPUMicrosPerOp float64   `json:"client_cpu_us_per_op"`
}

type latency struct {
	MeanMicros float64 `json:"mean_us"`
	P50Micros  float64 `json:"p50_us"`
	P90Micros  float64 `json:"p90_us"`
	P99Micros  float64 `json:"p99_us"`
	P999Micros float64 `json:"p999_us"`
	MaxMicros  float64 `json:"max_us"`
}

// latencyOf computes exact percentiles, and sorts what it is given.
func latencyOf(samples []time.Duration) latency {
	if len(samples) == 0 {
		return latency{}
	}
	slices.Sort(samples)
	var sum time.Duration
	for _, sample := range samples {
		sum += sample
	}
	return latency{
		MeanMicros: micros(sum) / float64(len(samples)),
		P50Micros:  micros(percentile(samples, 500)),
		P90Micros:  micros(percentile(samples, 900)),
		P99Micros:  micros(percentile(samples, 990)),
		P999Micros: micros(percentile(samples, 999)),
		MaxMicros:  micros(samples[len(samples)-1]),
	}
}

// percentile returns the smallest sample that at least `perMille` thousandths of all samples don't exceed.
func percentile(sorted []time.Duration, perMille int) time.Duration {
	rank := (len(sorted)*perMille + 999) / 1000
	return sorted[max(rank, 1)-1]
}

func micros(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000
}

func perOp(total time.Duration, ops int64) float64 {
	if ops == 0 {
		return 0
	}
	return micros(total) / float64(ops)
}
