package io.lattice.statemachine.storage;

import java.util.List;
import org.rocksdb.WriteBatch;

/// Notes what RocksDB finds in a batch: operation, family, key length and value length.
final class RecordingHandler extends WriteBatch.Handler {
    private final List<String> seen;

    RecordingHandler(List<String> seen) {
        this.seen = seen;
    }

    @Override
    public void put(int family, byte[] key, byte[] value) {
        seen.add("put " + family + " " + key.length + " " + value.length);
    }

    @Override
    public void put(byte[] key, byte[] value) {
        put(0, key, value);
    }

    @Override
    public void delete(int family, byte[] key) {
        seen.add("delete " + family + " " + key.length);
    }

    @Override
    public void delete(byte[] key) {
        delete(0, key);
    }

    @Override
    public void merge(int family, byte[] key, byte[] value) {
        unexpected();
    }

    @Override
    public void merge(byte[] key, byte[] value) {
        unexpected();
    }

    @Override
    public void singleDelete(int family, byte[] key) {
        unexpected();
    }

    @Override
    public void singleDelete(byte[] key) {
        unexpected();
    }

    @Override
    public void deleteRange(int family, byte[] from, byte[] to) {
        unexpected();
    }

    @Override
    public void deleteRange(byte[] from, byte[] to) {
        unexpected();
    }

    @Override
    public void logData(byte[] blob) {
        unexpected();
    }

    @Override
    public void putBlobIndex(int family, byte[] key, byte[] value) {
        unexpected();
    }

    @Override
    public void markBeginPrepare() {
        unexpected();
    }

    @Override
    public void markEndPrepare(byte[] id) {
        unexpected();
    }

    @Override
    public void markNoop(boolean emptyBatch) {
        unexpected();
    }

    @Override
    public void markRollback(byte[] id) {
        unexpected();
    }

    @Override
    public void markCommit(byte[] id) {
        unexpected();
    }

    @Override
    public void markCommitWithTimestamp(byte[] id, byte[] timestamp) {
        unexpected();
    }

    private static void unexpected() {
        throw new UnsupportedOperationException("a store's batch holds puts and deletes only");
    }
}
