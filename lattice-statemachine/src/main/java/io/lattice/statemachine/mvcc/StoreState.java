package io.lattice.statemachine.mvcc;

import static io.lattice.statemachine.storage.KeyCodec.getInt;
import static io.lattice.statemachine.storage.KeyCodec.getLong;

import com.google.protobuf.InvalidProtocolBufferException;
import io.lattice.proto.command.PublishMember;
import io.lattice.proto.etcdserverpb.AlarmMember;
import io.lattice.proto.etcdserverpb.AlarmResponse;
import io.lattice.statemachine.storage.Cursor;
import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.StorageException;
import io.lattice.statemachine.storage.StoreReader;
import io.lattice.statemachine.storage.WriteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What the store knows about itself at one applied position: counters and members. Immutable, and the same on every replica
/// at the same position.
///
/// @param term term of the last applied log entry, 0 if none
/// @param index index of the last applied log entry, -1 if none
/// @param keyspaces counters of all keyspaces
/// @param members what members published about themselves, by node id
/// @param leaseClock the time by which leases expire
/// @param drains the revoked leases whose keys are being deleted
public record StoreState(
        long term,
        long index,
        Keyspaces keyspaces,
        Map<String, PublishMember> members,
        LeaseClock leaseClock,
        Drains drains) {
    /// The layout that this code reads and writes. Raise it when a key or value changes its form.
    private static final int FORMAT = 1;

    private static final StoreState EMPTY =
            new StoreState(0, -1, Keyspaces.NONE, Map.of(), LeaseClock.START, Drains.NONE);

    /// Reads the state of an opened store.
    ///
    /// @throws StorageException if the store was written in another format or its bookkeeping is damaged
    public static StoreState load(StoreReader store) {
        byte[] format = store.get(Family.META, KeyCodec.formatVersion());
        if (format == null) {
            requireNoKeys(store);
            return EMPTY;
        }
        requireFormat(format);
        byte[] position = store.get(Family.META, KeyCodec.appliedPosition());
        if (position == null) {
            return EMPTY;
        }
        requireLength("applied position", position, 2 * Long.BYTES);
        Loader loader = new Loader();
        try (Cursor meta = store.cursor(Family.META, new byte[0], KeyCodec.keyspaceStart(-1))) {
            while (meta.valid()) {
                loader.accept(meta.key(), meta.value());
                meta.next();
            }
        }
        return new StoreState(
                getLong(position, 0),
                getLong(position, Long.BYTES),
                loader.keyspaces,
                Map.copyOf(loader.members),
                loadClock(store),
                loadDrains(store));
    }

    /// Marks a store as being in the current format; rides along with the first batch.
    public static void writeFormat(WriteBuffer buffer) {
        byte[] format = new byte[Integer.BYTES];
        KeyCodec.putInt(format, 0, FORMAT);
        buffer.put(Family.META, KeyCodec.formatVersion(), format);
    }

    /// The counters of one keyspace.
    public Keyspace keyspace(int id) {
        return keyspaces.get(id);
    }

    /// The same content at a later position.
    public StoreState at(long newTerm, long newIndex) {
        return new StoreState(newTerm, newIndex, keyspaces, members, leaseClock, drains);
    }

    private static LeaseClock loadClock(StoreReader store) {
        byte[] clock = store.get(Family.META, KeyCodec.leaseClock());
        if (clock == null) {
            return LeaseClock.START;
        }
        requireLength("lease clock", clock, LeaseClock.BYTES);
        return LeaseClock.decode(clock);
    }

    private static Drains loadDrains(StoreReader store) {
        byte[] stored = store.get(Family.META, KeyCodec.drains());
        return stored == null ? Drains.NONE : Drains.decode(stored);
    }

    private static void requireNoKeys(StoreReader store) {
        for (Family family : Family.values()) {
            try (Cursor any = store.cursor(family, new byte[0], KeyCodec.keyspaceStart(-1))) {
                if (any.valid()) {
                    throw new StorageException(
                            "the store is damaged: it holds "
                                    + family
                                    + " entries but no format version");
                }
            }
        }
    }

    private static void requireFormat(byte[] format) {
        requireLength("format version", format, Integer.BYTES);
        int found = getInt(format, 0);
        if (found != FORMAT) {
            throw new StorageException(
                    "the store has format version "
                            + found
                            + ", this version of Lattice reads "
                            + FORMAT);
        }
    }

    private static void requireLength(String name, byte[] found, int expectedBytes) {
        if (found.length != expectedBytes) {
            throw new StorageException(
                    "the store is damaged: its "
                            + name
                            + " has "
                            + found.length
                            + " bytes, expected "
                            + expectedBytes);
        }
    }

    /// Gathers counters and members from the `meta` family.
    private static final class Loader {
        private Keyspaces keyspaces = Keyspaces.NONE;
        private final Map<String, PublishMember> members = new HashMap<>();

        void accept(byte[] key, byte[] value) {
            int keyspace = KeyCodec.keyspaceOf(key);
            if (keyspace == KeyCodec.STORE_KEYSPACE) {
                if (KeyCodec.isMember(key)) {
                    addMember(value);
                }
                return;
            }
            Keyspace known = keyspaces.get(keyspace);
            if (Arrays.equals(key, KeyCodec.revision(keyspace))) {
                keyspaces = keyspaces.with(known.atRevision(counter("revision", value)));
            } else if (Arrays.equals(key, KeyCodec.compactRevision(keyspace))) {
                long compacted = counter("compact revision", value);
                keyspaces = keyspaces.with(known.compactedAt(compacted));
            } else if (Arrays.equals(key, KeyCodec.alarms(keyspace))) {
                keyspaces = keyspaces.with(known.withAlarms(alarms(value)));
            }
        }

        private static List<AlarmMember> alarms(byte[] value) {
            try {
                return AlarmResponse.parseFrom(value).getAlarmsList();
            } catch (InvalidProtocolBufferException e) {
                throw new StorageException("the store is damaged: its alarms do not parse", e);
            }
        }

        private void addMember(byte[] value) {
            try {
                PublishMember member = PublishMember.parseFrom(value);
                members.put(member.getNodeId(), member);
            } catch (InvalidProtocolBufferException e) {
                throw new StorageException(
                        "the store is damaged: a member entry does not parse", e);
            }
        }

        private static long counter(String name, byte[] value) {
            requireLength(name, value, Long.BYTES);
            return getLong(value, 0);
        }
    }
}
