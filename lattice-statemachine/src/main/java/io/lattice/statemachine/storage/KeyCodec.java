package io.lattice.statemachine.storage;

import com.google.protobuf.ByteString;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// Builds and takes apart the keys of the column families; the table is in [Family]. All integers are big-endian, so
/// that byte order is numeric order.
///
/// A `versions` key must keep user keys in order although a revision follows them, and one user key may be a prefix of
/// another: a zero byte in it becomes `00 FF` and `00 00` ends it. The revision is stored inverted, newest first, so that
/// "the newest at or before R" is one seek. For keyspace 1, key `61 00`, revision 5.2:
///
///     00000001 61 00FF 0000 FFFFFFFFFFFFFFFA FFFFFFFD
public final class KeyCodec {
    /// Bytes of the keyspace id in front of every key.
    public static final int PREFIX_BYTES = 4;

    /// The keyspace id of what belongs to the store as a whole; no tenant has it.
    public static final int STORE_KEYSPACE = 0;

    private static final int LEASE_BYTES = PREFIX_BYTES + Long.BYTES;
    private static final int REVISION_BYTES = Long.BYTES + Integer.BYTES;
    private static final int TERMINATOR_BYTES = 2;
    private static final byte ZERO_ESCAPE = (byte) 0xFF;
    private static final byte TAG_FORMAT = 1;
    private static final byte TAG_APPLIED = 2;
    private static final byte TAG_MEMBER = 3;
    private static final byte TAG_LEASE_CLOCK = 4;
    private static final byte TAG_DRAINS = 5;
    private static final byte TAG_REVISION = 16;
    private static final byte TAG_COMPACT_REVISION = 17;
    private static final byte TAG_COMPACTED = 18;
    private static final byte TAG_ALARMS = 19;
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    private KeyCodec() {}

    /// The keyspace id that a key begins with.
    public static int keyspaceOf(byte[] key) {
        return getInt(key, 0);
    }

    /// The lowest possible key of a keyspace.
    public static byte[] keyspaceStart(int keyspace) {
        byte[] key = new byte[PREFIX_BYTES];
        putInt(key, 0, keyspace);
        return key;
    }

    /// The first key behind a keyspace. Ids are unsigned; the highest one is never given out.
    public static byte[] keyspaceEnd(int keyspace) {
        if (keyspace == -1) {
            throw new IllegalArgumentException("keyspace id 4294967295 is reserved");
        }
        return keyspaceStart(keyspace + 1);
    }

    /// The key of a user key's live record.
    public static byte[] current(int keyspace, ByteString userKey) {
        byte[] key = new byte[PREFIX_BYTES + userKey.size()];
        putInt(key, 0, keyspace);
        userKey.copyTo(key, PREFIX_BYTES);
        return key;
    }

    /// The part that all `versions` keys of one user key share, made from its `current` key.
    public static byte[] versionsPrefix(byte[] currentKey) {
        return escape(currentKey, 0);
    }

    /// The key of the record that `currentKey` had at a revision.
    public static byte[] version(byte[] currentKey, long main, int sub) {
        byte[] key = escape(currentKey, REVISION_BYTES);
        putLong(key, key.length - REVISION_BYTES, ~main);
        putInt(key, key.length - Integer.BYTES, ~sub);
        return key;
    }

    /// Where to seek for the newest record of `currentKey` at or before a main revision.
    public static byte[] newestVersionAt(byte[] currentKey, long main) {
        return version(currentKey, main, Integer.MAX_VALUE);
    }

    /// The first possible key behind all versions of `currentKey`.
    public static byte[] behindVersions(byte[] currentKey) {
        byte[] key = escape(currentKey, 0);
        key[key.length - 1] = 1;
        return key;
    }

    /// The `current` key that a `versions` key belongs to.
    public static byte[] currentOfVersion(byte[] versionKey) {
        int end = versionKey.length - REVISION_BYTES - TERMINATOR_BYTES;
        int zeros = 0;
        for (int i = PREFIX_BYTES; i < end; i++) {
            if (versionKey[i] == 0) {
                zeros++;
                i++;
            }
        }
        byte[] key = new byte[end - zeros];
        if (zeros == 0) {
            System.arraycopy(versionKey, 0, key, 0, end);
            return key;
        }
        System.arraycopy(versionKey, 0, key, 0, PREFIX_BYTES);
        int to = PREFIX_BYTES;
        for (int i = PREFIX_BYTES; i < end; i++) {
            key[to++] = versionKey[i];
            if (versionKey[i] == 0) {
                i++;
            }
        }
        return key;
    }

    /// The main revision in a `versions` key.
    public static long mainOfVersion(byte[] versionKey) {
        return ~getLong(versionKey, versionKey.length - REVISION_BYTES);
    }

    /// The sub-revision in a `versions` key.
    public static int subOfVersion(byte[] versionKey) {
        return ~getInt(versionKey, versionKey.length - Integer.BYTES);
    }

    /// The key of the event at a revision.
    public static byte[] event(int keyspace, long main, int sub) {
        byte[] key = new byte[PREFIX_BYTES + REVISION_BYTES];
        putInt(key, 0, keyspace);
        putLong(key, PREFIX_BYTES, main);
        putInt(key, PREFIX_BYTES + Long.BYTES, sub);
        return key;
    }

    /// The main revision in an `events` key.
    public static long mainOfEvent(byte[] eventKey) {
        return getLong(eventKey, PREFIX_BYTES);
    }

    /// The sub-revision in an `events` key.
    public static int subOfEvent(byte[] eventKey) {
        return getInt(eventKey, PREFIX_BYTES + Long.BYTES);
    }

    /// `leases`: a lease. Also what its `lease_keys` begin with.
    public static byte[] lease(int keyspace, long lease) {
        byte[] key = new byte[LEASE_BYTES];
        putInt(key, 0, keyspace);
        putLong(key, PREFIX_BYTES, lease);
        return key;
    }

    /// The lease id in a `leases` or `lease_keys` key.
    public static long leaseOf(byte[] key) {
        return getLong(key, PREFIX_BYTES);
    }

    /// `lease_keys`: that the key with this `current` key goes with a lease.
    public static byte[] leaseKey(long lease, byte[] currentKey) {
        byte[] key = new byte[currentKey.length + Long.BYTES];
        System.arraycopy(currentKey, 0, key, 0, PREFIX_BYTES);
        putLong(key, PREFIX_BYTES, lease);
        System.arraycopy(
                currentKey, PREFIX_BYTES, key, LEASE_BYTES, currentKey.length - PREFIX_BYTES);
        return key;
    }

    /// Where the `lease_keys` of a lease end, exclusively.
    public static byte[] leaseKeysEnd(int keyspace, long lease) {
        // Ids are unsigned in their order here; the one behind the highest is in the next keyspace.
        return lease == -1 ? keyspaceEnd(keyspace) : lease(keyspace, lease + 1);
    }

    /// The `current` key in a `lease_keys` key.
    public static byte[] currentOfLeaseKey(byte[] leaseKey) {
        byte[] key = new byte[leaseKey.length - Long.BYTES];
        System.arraycopy(leaseKey, 0, key, 0, PREFIX_BYTES);
        System.arraycopy(leaseKey, LEASE_BYTES, key, PREFIX_BYTES, leaseKey.length - LEASE_BYTES);
        return key;
    }

    /// `meta`: the version of the layout.
    public static byte[] formatVersion() {
        return meta(STORE_KEYSPACE, TAG_FORMAT);
    }

    /// `meta`: the last log position whose effect the store holds.
    public static byte[] appliedPosition() {
        return meta(STORE_KEYSPACE, TAG_APPLIED);
    }

    /// `meta`: what a member published about itself.
    public static byte[] member(String nodeId) {
        byte[] name = nodeId.getBytes(StandardCharsets.UTF_8);
        byte[] key = new byte[PREFIX_BYTES + 1 + name.length];
        putInt(key, 0, STORE_KEYSPACE);
        key[PREFIX_BYTES] = TAG_MEMBER;
        System.arraycopy(name, 0, key, PREFIX_BYTES + 1, name.length);
        return key;
    }

    /// Whether a `meta` key is one of [#member(String)].
    public static boolean isMember(byte[] metaKey) {
        return keyspaceOf(metaKey) == STORE_KEYSPACE && metaKey[PREFIX_BYTES] == TAG_MEMBER;
    }

    /// `meta`: the time by which leases expire.
    public static byte[] leaseClock() {
        return meta(STORE_KEYSPACE, TAG_LEASE_CLOCK);
    }

    /// `meta`: the revoked leases whose keys are being deleted.
    public static byte[] drains() {
        return meta(STORE_KEYSPACE, TAG_DRAINS);
    }

    /// `meta`: the newest revision of a keyspace.
    public static byte[] revision(int keyspace) {
        return meta(keyspace, TAG_REVISION);
    }

    /// `meta`: the revision below which a keyspace answers "compacted".
    public static byte[] compactRevision(int keyspace) {
        return meta(keyspace, TAG_COMPACT_REVISION);
    }

    /// `meta`: the revision up to which a keyspace's superseded records are physically gone.
    public static byte[] compacted(int keyspace) {
        return meta(keyspace, TAG_COMPACTED);
    }

    /// `meta`: the alarms of a keyspace that stand.
    public static byte[] alarms(int keyspace) {
        return meta(keyspace, TAG_ALARMS);
    }

    /// Writes a big-endian int.
    public static void putInt(byte[] bytes, int at, int value) {
        INT.set(bytes, at, value);
    }

    /// Writes a big-endian long.
    public static void putLong(byte[] bytes, int at, long value) {
        LONG.set(bytes, at, value);
    }

    /// Reads a big-endian int.
    public static int getInt(byte[] bytes, int at) {
        return (int) INT.get(bytes, at);
    }

    /// Reads a big-endian long.
    public static long getLong(byte[] bytes, int at) {
        return (long) LONG.get(bytes, at);
    }

    private static byte[] meta(int keyspace, byte tag) {
        byte[] key = new byte[PREFIX_BYTES + 1];
        putInt(key, 0, keyspace);
        key[PREFIX_BYTES] = tag;
        return key;
    }

    private static byte[] escape(byte[] currentKey, int room) {
        int zeros = 0;
        for (int i = PREFIX_BYTES; i < currentKey.length; i++) {
            if (currentKey[i] == 0) {
                zeros++;
            }
        }
        byte[] key = new byte[currentKey.length + zeros + TERMINATOR_BYTES + room];
        if (zeros == 0) {
            System.arraycopy(currentKey, 0, key, 0, currentKey.length);
            return key;
        }
        System.arraycopy(currentKey, 0, key, 0, PREFIX_BYTES);
        int to = PREFIX_BYTES;
        for (int i = PREFIX_BYTES; i < currentKey.length; i++) {
            key[to++] = currentKey[i];
            if (currentKey[i] == 0) {
                key[to++] = ZERO_ESCAPE;
            }
        }
        return key;
    }
}
