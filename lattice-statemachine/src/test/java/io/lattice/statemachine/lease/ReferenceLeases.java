package io.lattice.statemachine.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.LeaseTick;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.statemachine.apply.Refusal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Leases and the leases of keys, as plainly as can be: no queue, no index, every question answered by looking at everything.
final class ReferenceLeases {
    private record Id(int keyspace, long id) {}

    private record Held(long ttl, long deadline) {}

    private final Map<Id, Held> leases = new HashMap<>();
    private final List<TreeMap<String, Long>> keys =
            List.of(new TreeMap<>(), new TreeMap<>(), new TreeMap<>());
    private final long[] revisions = {1, 1, 1};
    private long now;
    private long ticks;
    private long allowance;

    long ticks() {
        return ticks;
    }

    int count() {
        return leases.size();
    }

    /// Applies an entry: a refusal, the TTLs of a renewal, whether a tick counted and leaves more, or else the revision.
    List<Object> apply(List<Command> commands, long term) {
        List<TreeMap<String, Long>> before = keys.stream().map(TreeMap::new).toList();
        List<Object> answers = new ArrayList<>();
        for (Command command : commands) {
            answers.add(apply(command, term, before));
        }
        return answers;
    }

    private Object apply(Command command, long term, List<TreeMap<String, Long>> before) {
        int keyspace = command.getKeyspace();
        return switch (command.getOperationCase()) {
            case LEASE_GRANT -> grant(keyspace, command.getLeaseGrant());
            case LEASE_REVOKE -> {
                Id id = new Id(keyspace, command.getLeaseRevoke().getID());
                if (!leases.containsKey(id)) {
                    yield Refusal.LEASE_NOT_FOUND;
                }
                revoke(id);
                yield revisions[keyspace];
            }
            case LEASE_RENEW ->
                    command.getLeaseRenew().getIdsList().stream()
                            .map(id -> renew(new Id(keyspace, id)))
                            .toList();
            case LEASE_TICK -> tick(command.getLeaseTick(), term, before);
            case PUT -> {
                PutRequest put = command.getPut();
                if (put.getLease() != 0 && !leases.containsKey(new Id(keyspace, put.getLease()))) {
                    yield Refusal.LEASE_NOT_FOUND;
                }
                keys.get(keyspace).put(put.getKey().toStringUtf8(), put.getLease());
                yield ++revisions[keyspace];
            }
            case DELETE_RANGE -> {
                if (delete(keyspace, command.getDeleteRange())) {
                    revisions[keyspace]++;
                }
                yield revisions[keyspace];
            }
            case TXN -> txn(keyspace, command.getTxn());
            default -> throw new IllegalStateException();
        };
    }

    private Object grant(int keyspace, LeaseGrantRequest grant) {
        Id id = new Id(keyspace, grant.getID());
        if (grant.getID() == 0) {
            return Refusal.LEASE_NOT_FOUND;
        }
        if (leases.containsKey(id)) {
            return Refusal.LEASE_EXISTS;
        }
        leases.put(id, new Held(grant.getTTL(), now + allowance + grant.getTTL() * 1_000));
        return revisions[keyspace];
    }

    private long renew(Id id) {
        Held held = leases.get(id);
        if (held == null) {
            return 0;
        }
        if (held.deadline <= now) {
            revoke(id);
            return 0;
        }
        long deadline = Math.max(held.deadline, now + allowance + held.ttl * 1_000);
        leases.put(id, new Held(held.ttl, deadline));
        return held.ttl;
    }

    private long revoke(Id id) {
        leases.remove(id);
        TreeMap<String, Long> ofKeyspace = keys.get(id.keyspace);
        int size = ofKeyspace.size();
        ofKeyspace.values().removeIf(lease -> lease == id.id);
        long deleted = size - ofKeyspace.size();
        if (deleted > 0) {
            revisions[id.keyspace]++;
        }
        return deleted;
    }

    private List<Boolean> tick(LeaseTick tick, long term, List<TreeMap<String, Long>> before) {
        if (tick.getTerm() != term || tick.getNumber() != ticks + 1) {
            return List.of(false, false);
        }
        ticks++;
        now += tick.getElapsedMs();
        allowance = tick.getAllowanceMs();
        long left = tick.getRevokeMax();
        Id next = firstExpired();
        left -= next == null ? 0 : 1 + revoke(next);
        next = firstExpired();
        while (next != null && 1 + attached(before.get(next.keyspace), next.id) <= left) {
            left -= 1 + revoke(next);
            next = firstExpired();
        }
        return List.of(true, next != null);
    }

    private static long attached(TreeMap<String, Long> leasesOfKeys, long lease) {
        return leasesOfKeys.values().stream().filter(l -> l == lease).count();
    }

    private @Nullable Id firstExpired() {
        return leases.entrySet().stream()
                .filter(e -> e.getValue().deadline <= now)
                .min(
                        Comparator.comparingLong((Map.Entry<Id, Held> e) -> e.getValue().deadline)
                                .thenComparing(e -> e.getKey().keyspace)
                                .thenComparing(e -> e.getKey().id))
                .map(Map.Entry::getKey)
                .orElse(null);
    }

    private boolean delete(int keyspace, DeleteRangeRequest delete) {
        String from = delete.getKey().toStringUtf8();
        String end = delete.getRangeEnd().toStringUtf8();
        return keys.get(keyspace)
                .keySet()
                .removeIf(key ->
                        end.isEmpty()
                                ? key.equals(from)
                                : key.compareTo(from) >= 0
                                        && (end.equals("\0") || key.compareTo(end) < 0));
    }

    /// All operations take effect, or none.
    private Object txn(int keyspace, TxnRequest txn) {
        TreeMap<String, Long> ofKeyspace = keys.get(keyspace);
        TreeMap<String, Long> saved = new TreeMap<>(ofKeyspace);
        for (RequestOp op : txn.getSuccessList()) {
            if (!op.hasRequestPut()) {
                continue;
            }
            PutRequest put = op.getRequestPut();
            if (put.getLease() != 0 && !leases.containsKey(new Id(keyspace, put.getLease()))) {
                return Refusal.LEASE_NOT_FOUND;
            }
            if (put.getIgnoreValue() && !ofKeyspace.containsKey(put.getKey().toStringUtf8())) {
                return Refusal.KEY_NOT_FOUND;
            }
        }
        for (RequestOp op : txn.getSuccessList()) {
            if (op.hasRequestDeleteRange()) {
                delete(keyspace, op.getRequestDeleteRange());
                continue;
            }
            PutRequest put = op.getRequestPut();
            String key = put.getKey().toStringUtf8();
            if (put.getIgnoreValue() && !ofKeyspace.containsKey(key)) {
                ofKeyspace.clear();
                ofKeyspace.putAll(saved);
                return Refusal.KEY_NOT_FOUND;
            }
            ofKeyspace.put(key, put.getLease());
        }
        return ++revisions[keyspace];
    }

    void assertSame(LeaseStore store, int keyspace) {
        assertThat(store.leasesOfKeys(keyspace)).isEqualTo(keys.get(keyspace));
        assertThat(store.revision(keyspace)).isEqualTo(revisions[keyspace]);
        assertThat(store.clock().nowMs()).isEqualTo(now);
        for (long lease = -3; lease <= 3; lease++) {
            Held held = leases.get(new Id(keyspace, lease));
            LeaseReader.Status expected =
                    held == null
                            ? null
                            : new LeaseReader.Status(
                                    held.ttl,
                                    Math.min(held.ttl, Math.max(0, held.deadline - now) / 1_000));
            assertThat(store.find(keyspace, lease)).as("lease %d", lease).isEqualTo(expected);
            long id = lease;
            List<String> expectedKeys =
                    keys.get(keyspace).entrySet().stream()
                            .filter(e -> e.getValue() == id && id != 0)
                            .map(Map.Entry::getKey)
                            .toList();
            assertThat(store.keys(keyspace, lease)).isEqualTo(expectedKeys);
        }
    }
}
