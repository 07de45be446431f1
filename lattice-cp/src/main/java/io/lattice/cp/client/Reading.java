package io.lattice.cp.client;

import com.google.protobuf.ByteString;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Everything under a prefix at one revision.
///
/// @param entries by key
/// @param revision of the control plane's store
/// @param clusterId who answered
/// @param askedNanos when the question was sent, by the clock that the client was given: the answer was true at some instant
///     after it
public record Reading(
        SortedMap<String, Entry> entries, long revision, long clusterId, long askedNanos) {
    public Reading {
        entries = Collections.unmodifiableSortedMap(new TreeMap<>(entries));
    }

    /// A key's value and the revision of its last change.
    public record Entry(ByteString value, long modRevision) {}

    /// The values by key.
    public Map<String, ByteString> values() {
        Map<String, ByteString> values = new TreeMap<>();
        entries.forEach((key, entry) -> values.put(key, entry.value()));
        return values;
    }
}
