package io.lattice.statemachine.mvcc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lattice.statemachine.storage.Family;
import io.lattice.statemachine.storage.KeyCodec;
import io.lattice.statemachine.storage.RocksStore;
import io.lattice.statemachine.storage.StoreOptions;
import io.lattice.statemachine.storage.WriteBuffer;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompactorTest {
    private static final int KEYSPACE = 1;

    @TempDir private Path directory;

    @Test
    void anExceptionThatNobodyForesawIsItsFailureAndEndsTheWaiting() {
        try (RocksStore store = RocksStore.open(directory.resolve("db"), StoreOptions.defaults())) {
            StoreState empty = StoreState.load(store);
            WriteBuffer buffer = store.newBuffer();
            // No event has an empty value: decoding it runs out of the array.
            buffer.put(Family.EVENTS, KeyCodec.event(KEYSPACE, 2, 0), new byte[0]);
            store.write(buffer);

            try (Compactor compactor = new Compactor(store, empty)) {
                CompletableFuture<Void> done = compactor.finished(KEYSPACE, 3);
                compactor.schedule(KEYSPACE, 3);

                assertThatThrownBy(() -> done.get(10, TimeUnit.SECONDS))
                        .isInstanceOf(ExecutionException.class)
                        .hasCauseInstanceOf(IndexOutOfBoundsException.class);
                assertThat(compactor.failure()).isInstanceOf(IndexOutOfBoundsException.class);
            }
        }
    }
}
