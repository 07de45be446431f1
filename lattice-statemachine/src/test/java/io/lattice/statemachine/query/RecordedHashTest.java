package io.lattice.statemachine.query;

import static io.lattice.statemachine.apply.Requests.command;
import static io.lattice.statemachine.apply.Requests.compact;
import static io.lattice.statemachine.apply.Requests.del;
import static io.lattice.statemachine.apply.Requests.delete;
import static io.lattice.statemachine.apply.Requests.op;
import static io.lattice.statemachine.apply.Requests.put;
import static io.lattice.statemachine.apply.Requests.success;
import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.etcdserverpb.HashKVResponse;
import io.lattice.statemachine.apply.StoreDriver;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// HashKV against values that etcd 3.7.3 gave for the same requests through etcdctl.
final class RecordedHashTest {
    private static final long EMPTY = 1084519789L;

    @TempDir Path root;

    private StoreDriver driver;

    @BeforeEach
    void fill() {
        driver = StoreDriver.create(root);
        assertHash(0, EMPTY);
        driver.apply(command(put("a", "1")));
        driver.apply(command(put("b", "2")));
        driver.apply(command(put("a", "3")));
        driver.apply(command(delete("b", "")));
        driver.apply(command(put("c", "4")));
        driver.apply(command(success(op(put("d", "5")), op(put("e", "6")), del("a", ""))));
        driver.apply(command(delete("\0", "\0")));
        driver.apply(command(put("f", "7")));
    }

    @AfterEach
    void close() {
        driver.close();
    }

    @Test
    void neverCompacted() {
        assertHash(0, 822130502L);
        assertHash(2, 2587454935L);
        assertHash(3, 1827592406L);
        assertHash(4, 2069675932L);
        assertHash(5, 1125682900L);
        assertHash(6, 2750537463L);
        assertHash(7, 1649552325L);
        assertHash(8, 3748933666L);
        assertHash(9, 822130502L);
    }

    @Test
    void compacted() {
        driver.apply(compact(5));
        assertAfterCompactionAt5();
        driver.store().compacted(StoreDriver.KEYSPACE, 5).join();
        assertAfterCompactionAt5();

        driver.apply(compact(8));
        assertHash(9, 91225678L);
        driver.apply(command(delete("f", "")));
        assertHash(9, 91225678L);
        assertHash(10, 3441978049L);

        driver.apply(compact(10));
        assertHash(0, EMPTY);
        driver.store().compacted(StoreDriver.KEYSPACE, 10).join();
        assertHash(0, EMPTY);
    }

    private void assertAfterCompactionAt5() {
        assertHash(0, 1595932241L);
        assertHash(6, 168415639L);
        assertHash(7, 3317384096L);
        assertHash(8, 332007991L);
        assertHash(9, 1595932241L);
    }

    private void assertHash(long revision, long expected) {
        HashKVResponse response =
                driver.read(query -> query.hashKv(StoreDriver.KEYSPACE, revision));
        assertThat(Integer.toUnsignedLong(response.getHash())).isEqualTo(expected);
    }
}
