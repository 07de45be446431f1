package io.lattice.statemachine.mvcc;

import io.lattice.proto.etcdserverpb.AlarmMember;
import java.util.List;

/// The counters of one tenant's keyspace at some moment.
///
/// @param id the keyspace
/// @param revision its newest main revision
/// @param compactRevision reads below it answer "compacted"; -1 if it was never compacted
/// @param alarms the alarms that stand, in a fixed order
public record Keyspace(int id, long revision, long compactRevision, List<AlarmMember> alarms) {
    public Keyspace {
        alarms = List.copyOf(alarms);
    }

    /// An untouched keyspace.
    public static Keyspace empty(int id) {
        return new Keyspace(id, Revision.EMPTY, Revision.NEVER_COMPACTED, List.of());
    }

    Keyspace atRevision(long newRevision) {
        return new Keyspace(id, newRevision, compactRevision, alarms);
    }

    Keyspace compactedAt(long newCompactRevision) {
        return new Keyspace(id, revision, newCompactRevision, alarms);
    }

    Keyspace withAlarms(List<AlarmMember> newAlarms) {
        return new Keyspace(id, revision, compactRevision, newAlarms);
    }
}
