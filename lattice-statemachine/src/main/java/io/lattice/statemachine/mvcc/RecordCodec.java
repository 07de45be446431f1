package io.lattice.statemachine.mvcc;

import static io.lattice.statemachine.storage.KeyCodec.PREFIX_BYTES;
import static io.lattice.statemachine.storage.KeyCodec.getInt;
import static io.lattice.statemachine.storage.KeyCodec.getLong;
import static io.lattice.statemachine.storage.KeyCodec.putInt;
import static io.lattice.statemachine.storage.KeyCodec.putLong;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.lattice.proto.mvccpb.KeyValue;
import java.util.Arrays;

/// The stored form of one version of a key, big-endian: create revision (8), modification revision (8) and its
/// sub-revision (4), version (8), lease (8), then the value. A tombstone is an empty array. A header is a record without its
/// value, and answers all questions but those for the value.
///
/// A record is never changed once made, so messages may wrap its bytes instead of copying them.
public final class RecordCodec {
    /// How many bytes come before the value.
    static final int HEADER_BYTES = 36;

    static final byte[] TOMBSTONE = new byte[0];

    private static final int CREATE_AT = 0;
    private static final int MAIN_AT = 8;
    private static final int SUB_AT = 16;
    private static final int VERSION_AT = 20;
    private static final int LEASE_AT = 28;
    private static final int VALUE_AT = HEADER_BYTES;

    private RecordCodec() {}

    static byte[] encode(
            long create, Revision modified, long version, long lease, ByteString value) {
        byte[] record = header(value.size(), create, modified, version, lease);
        value.copyTo(record, VALUE_AT);
        return record;
    }

    /// A record with the value of another one.
    static byte[] encodeWithValueOf(
            byte[] other, long create, Revision modified, long version, long lease) {
        byte[] record = header(other.length - VALUE_AT, create, modified, version, lease);
        System.arraycopy(other, VALUE_AT, record, VALUE_AT, other.length - VALUE_AT);
        return record;
    }

    private static byte[] header(
            int valueBytes, long create, Revision modified, long version, long lease) {
        byte[] record = new byte[VALUE_AT + valueBytes];
        putLong(record, CREATE_AT, create);
        putLong(record, MAIN_AT, modified.main());
        putInt(record, SUB_AT, modified.sub());
        putLong(record, VERSION_AT, version);
        putLong(record, LEASE_AT, lease);
        return record;
    }

    /// Whether a change's record marks a deletion.
    public static boolean isTombstone(byte[] record) {
        return record.length == 0;
    }

    /// The main revision at which the key was created.
    public static long createRevision(byte[] record) {
        return getLong(record, CREATE_AT);
    }

    /// The main revision of this version.
    public static long modRevision(byte[] record) {
        return getLong(record, MAIN_AT);
    }

    /// The sub-revision of this version.
    public static int modSub(byte[] record) {
        return getInt(record, SUB_AT);
    }

    /// How often the key was put since its creation.
    public static long version(byte[] record) {
        return getLong(record, VERSION_AT);
    }

    /// The attached lease, 0 for none.
    public static long lease(byte[] record) {
        return getLong(record, LEASE_AT);
    }

    /// The value, sharing the record's bytes.
    public static ByteString value(byte[] record) {
        return record.length == VALUE_AT
                ? ByteString.EMPTY
                : UnsafeByteOperations.unsafeWrap(record, VALUE_AT, record.length - VALUE_AT);
    }

    /// The order of two records by value, bytes unsigned.
    static int compareValues(byte[] left, byte[] right) {
        return Arrays.compareUnsigned(left, VALUE_AT, left.length, right, VALUE_AT, right.length);
    }

    /// The user key in a `current` key, sharing its bytes.
    public static ByteString userKey(byte[] key) {
        return UnsafeByteOperations.unsafeWrap(key, PREFIX_BYTES, key.length - PREFIX_BYTES);
    }

    /// The wire form of a record.
    public static KeyValue toKeyValue(byte[] key, byte[] record) {
        return KeyValue.newBuilder()
                .setKey(userKey(key))
                .setCreateRevision(createRevision(record))
                .setModRevision(modRevision(record))
                .setVersion(version(record))
                .setValue(value(record))
                .setLease(lease(record))
                .build();
    }
}
