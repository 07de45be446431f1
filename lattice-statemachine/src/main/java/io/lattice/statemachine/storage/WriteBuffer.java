package io.lattice.statemachine.storage;

import java.util.Arrays;

/// Collects the writes of one atomic batch. Owned by one thread; reusable after [#clear()].
///
/// It builds RocksDB's own batch representation (`db/write_batch.cc`) in one Java array: a call into native code for every
/// put costs more than the put, so the whole batch crosses over at once. Layout: 8 bytes sequence (RocksDB fills it in), 4
/// bytes count, little-endian; then for each write a tag, the family's id, the key and for a put the value, each with its
/// length as a varint.
public final class WriteBuffer {
    private static final int HEADER_BYTES = 12;
    private static final int COUNT_AT = 8;
    private static final byte TAG_DELETE = 0x4;
    private static final byte TAG_PUT = 0x5;
    private static final int VARINT_BYTES = 5;
    private static final int SHRINK_ABOVE_BYTES = 4 << 20;
    private static final int INITIAL_BYTES = 64 << 10;

    private final int[] familyIds;
    private byte[] bytes = new byte[INITIAL_BYTES];
    private int length = HEADER_BYTES;
    private int count;

    WriteBuffer(int[] familyIds) {
        this.familyIds = familyIds;
    }

    /// Sets a key.
    public void put(Family family, byte[] key, byte[] value) {
        reserve(key.length + value.length);
        appendTagAndKey(TAG_PUT, family, key);
        appendVarint(value.length);
        System.arraycopy(value, 0, bytes, length, value.length);
        length += value.length;
    }

    /// Sets a key to a value given in two parts.
    public void put(Family family, byte[] key, byte[] head, byte[] tail) {
        reserve(key.length + head.length + tail.length);
        appendTagAndKey(TAG_PUT, family, key);
        appendVarint(head.length + tail.length);
        System.arraycopy(head, 0, bytes, length, head.length);
        length += head.length;
        System.arraycopy(tail, 0, bytes, length, tail.length);
        length += tail.length;
    }

    /// Removes a key; nothing happens if it isn't there.
    public void delete(Family family, byte[] key) {
        reserve(key.length);
        appendTagAndKey(TAG_DELETE, family, key);
    }

    /// The number of writes collected.
    public int count() {
        return count;
    }

    /// Where the batch ends now, to go back to with [#truncate(int, int)].
    public int length() {
        return length;
    }

    /// Drops everything written since `length` and `count` were read.
    public void truncate(int toLength, int toCount) {
        if (toLength < HEADER_BYTES || toLength > length || toCount > count) {
            throw new IllegalArgumentException(
                    "cannot cut a batch of " + length + " bytes to " + toLength);
        }
        length = toLength;
        count = toCount;
    }

    /// Empties the batch, and lets go of the memory of an unusually large one.
    public void clear() {
        length = HEADER_BYTES;
        count = 0;
        if (bytes.length > SHRINK_ABOVE_BYTES) {
            bytes = new byte[INITIAL_BYTES];
        }
    }

    byte[] toRepresentation() {
        for (int i = 0; i < Integer.BYTES; i++) {
            bytes[COUNT_AT + i] = (byte) (count >>> (Byte.SIZE * i));
        }
        return Arrays.copyOf(bytes, length);
    }

    private void appendTagAndKey(byte tag, Family family, byte[] key) {
        bytes[length++] = tag;
        appendVarint(familyIds[family.slot()]);
        appendVarint(key.length);
        System.arraycopy(key, 0, bytes, length, key.length);
        length += key.length;
        count++;
    }

    private void appendVarint(int value) {
        int rest = value;
        while ((rest & ~0x7F) != 0) {
            bytes[length++] = (byte) ((rest & 0x7F) | 0x80);
            rest >>>= 7;
        }
        bytes[length++] = (byte) rest;
    }

    private void reserve(int contentBytes) {
        long needed = (long) length + 1 + 3 * VARINT_BYTES + contentBytes;
        if (needed <= bytes.length) {
            return;
        }
        if (needed > Integer.MAX_VALUE - Long.BYTES) {
            throw new StorageException("a write batch cannot exceed 2 GiB");
        }
        long doubled = Math.min(2L * bytes.length, Integer.MAX_VALUE - Long.BYTES);
        bytes = Arrays.copyOf(bytes, (int) Math.max(needed, doubled));
    }
}
