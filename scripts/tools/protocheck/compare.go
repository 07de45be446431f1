package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// compare returns a line for each thing that is in one catalog only or described differently, sorted by name.
func compare(etcd, ours catalog) []string {
	names := maps.Clone(etcd)
	maps.Copy(names, ours)
	var differences []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		want, inEtcd := etcd[name]
		have, inOurs := ours[name]
		switch {
		case !inOurs:
			differences = append(differences, fmt.Sprintf("missing: %s (%s)", name, want))
		case !inEtcd:
			differences = append(differences, fmt.Sprintf("not in etcd: %s (%s)", name, have))
		case want != have:
			differences = append(differences, fmt.Sprintf("different: %s: etcd has %s; ours is %s", name, want, have))
		}
	}
	return differences
}

// summary counts the catalog's entries by kind.
func summary(c catalog) string {
	counts := map[string]int{}
	for name := range c {
		kind, _, _ := strings.Cut(name, " ")
		counts[kind]++
	}
	var parts []string
	for _, kind := range []string{"service", "method", "message", "field", "enum", "value"} {
		parts = append(parts, fmt.Sprintf("%d %ss", counts[kind], kind))
	}
	return strings.Join(parts, ", ")
}
