package io.lattice.statemachine.lease;

import static io.lattice.statemachine.lease.LeaseStore.ALLOWANCE_MS;
import static io.lattice.statemachine.lease.LeaseStore.grant;
import static io.lattice.statemachine.lease.LeaseStore.put;
import static io.lattice.statemachine.lease.LeaseStore.putCommand;
import static io.lattice.statemachine.lease.LeaseStore.renew;
import static io.lattice.statemachine.lease.LeaseStore.revoke;
import static io.lattice.statemachine.lease.LeaseStore.txn;
import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.etcdserverpb.LeaseGrantResponse;
import io.lattice.proto.etcdserverpb.LeaseRevokeResponse;
import io.lattice.statemachine.apply.Outcome;
import io.lattice.statemachine.apply.Refusal;
import io.lattice.statemachine.apply.Requests;
import io.lattice.statemachine.apply.StoreDriver;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LessorTest {
    private static final int MANY = 1_000;

    @TempDir Path root;

    private StoreDriver driver;
    private LeaseStore store;

    @BeforeEach
    void open() {
        driver = StoreDriver.create(root);
        store = new LeaseStore(driver);
    }

    @AfterEach
    void close() {
        driver.close();
    }

    @Test
    void aGrantAnswersIdAndTtlAndBumpsNoRevision() {
        Outcome granted = store.apply(grant(1, -7, 60));

        LeaseGrantResponse response = (LeaseGrantResponse) ((Outcome.Applied) granted).response();
        assertThat(response.getID()).isEqualTo(-7);
        assertThat(response.getTTL()).isEqualTo(60);
        assertThat(response.getHeader().getRevision()).isEqualTo(1);
        assertThat(store.find(1, -7)).isEqualTo(new LeaseReader.Status(60, 60));
        assertThat(store.find(2, -7)).as("another tenant's").isNull();
    }

    @Test
    void anIdIsGrantedOnceForATenant() {
        store.apply(grant(1, 5, 60));

        assertThat(store.apply(grant(1, 5, 90)))
                .isEqualTo(new Outcome.Refused(Refusal.LEASE_EXISTS));
        assertThat(store.apply(grant(2, 5, 90))).isInstanceOf(Outcome.Applied.class);
        assertThat(store.find(1, 5)).isEqualTo(new LeaseReader.Status(60, 60));
    }

    @Test
    void whatDoesNotExistIsNotFound() {
        Outcome notFound = new Outcome.Refused(Refusal.LEASE_NOT_FOUND);

        assertThat(store.apply(putCommand(1, "a", 5))).isEqualTo(notFound);
        assertThat(store.apply(revoke(1, 5))).isEqualTo(notFound);
        assertThat(store.apply(revoke(1, 0))).isEqualTo(notFound);
        assertThat(store.apply(grant(1, 0, 60))).isEqualTo(notFound);
        assertThat(store.renewed(renew(1, 5, 0))).containsExactly(0L, 0L);
    }

    @Test
    void aRevokeDeletesItsKeysInOneRevisionAndAnswersThat() {
        store.apply(grant(1, 5, 60));
        store.apply(putCommand(1, "b", 5));
        store.apply(putCommand(1, "a", 5));
        store.apply(putCommand(1, "c", 0));

        Outcome revoked = store.apply(revoke(1, 5));

        LeaseRevokeResponse response = (LeaseRevokeResponse) ((Outcome.Applied) revoked).response();
        assertThat(response.getHeader().getRevision()).isEqualTo(5);
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("c", 0L));
        assertThat(store.keys(1, 5)).isEmpty();
        assertThat(store.ids(1)).isEmpty();
        assertThat(store.apply(revoke(1, 5)))
                .isEqualTo(new Outcome.Refused(Refusal.LEASE_NOT_FOUND));
    }

    @Test
    void aRevokeWithoutKeysBumpsNoRevision() {
        store.apply(grant(1, 5, 60));

        store.apply(revoke(1, 5));

        assertThat(store.revision(1)).isEqualTo(1);
    }

    @Test
    void anOverwrittenKeyGoesWithItsNewLease() {
        store.apply(grant(1, 5, 60));
        store.apply(grant(1, 6, 60));
        store.apply(putCommand(1, "a", 5));
        store.apply(putCommand(1, "b", 5));
        store.apply(putCommand(1, "a", 6));
        store.apply(putCommand(1, "b", 0));

        store.apply(revoke(1, 5));

        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("a", 6L, "b", 0L));
        assertThat(store.keys(1, 6)).containsExactly("a");
    }

    @Test
    void everythingMayHappenInOneEntry() {
        List<Outcome> outcomes =
                driver.apply(
                        List.of(
                                grant(1, 5, 60),
                                putCommand(1, "b", 5),
                                putCommand(1, "a", 5),
                                putCommand(1, "c", 5),
                                putCommand(1, "c", 0),
                                revoke(1, 5),
                                grant(1, 5, 60),
                                putCommand(1, "b", 5)));

        assertThat(outcomes).allMatch(o -> o instanceof Outcome.Applied);
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("b", 5L, "c", 0L));
        assertThat(store.keys(1, 5)).containsExactly("b");
    }

    @Test
    void aLeaseRevokedAndGrantedAnewInOneEntryKeepsCountOfItsKeys() {
        store.apply(grant(1, 5, 60));
        store.apply(putCommand(1, "a", 5));

        driver.apply(List.of(revoke(1, 5), grant(1, 5, 60), putCommand(1, "a", 5)));
        store.apply(revoke(1, 5));

        assertThat(store.leasesOfKeys(1)).isEmpty();
    }

    @Test
    void aTxnTakenBackAttachesNothing() {
        store.apply(grant(1, 5, 60));
        store.apply(putCommand(1, "x", 0));
        // The nested delete comes first here, so the put of x fails while executing.
        var failing =
                Requests.success(
                        Requests.op(put("a", 5)),
                        Requests.del("x", "\0"),
                        Requests.op(
                                put("x", 5).toBuilder().clearValue().setIgnoreValue(true).build()));

        Outcome outcome = store.apply(txn(1, failing));

        assertThat(outcome).isEqualTo(new Outcome.Refused(Refusal.KEY_NOT_FOUND));
        assertThat(store.keys(1, 5)).isEmpty();
        store.apply(revoke(1, 5));
        assertThat(store.leasesOfKeys(1)).isEqualTo(Map.of("x", 0L));
    }

    @Test
    void ignoreLeaseKeepsIt() {
        store.apply(grant(1, 5, 60));
        store.apply(putCommand(1, "a", 5));
        store.apply(
                io.lattice.proto.command.Command.newBuilder()
                        .setKeyspace(1)
                        .setPut(Requests.put("a", "w").toBuilder().setIgnoreLease(true))
                        .build());

        store.apply(revoke(1, 5));

        assertThat(store.leasesOfKeys(1)).isEmpty();
    }

    @Test
    void aLeaseEndsWhenAllowanceAndTtlHavePassed() {
        store.apply(store.tick(0, MANY));
        store.apply(grant(1, 5, 2));
        store.apply(putCommand(1, "a", 5));

        assertThat(store.ticked(store.tick(2_000 + ALLOWANCE_MS - 1, MANY)).getMore()).isFalse();
        assertThat(store.find(1, 5)).isEqualTo(new LeaseReader.Status(2, 0));
        store.apply(store.tick(1, MANY));

        assertThat(store.find(1, 5)).isNull();
        assertThat(store.leasesOfKeys(1)).isEmpty();
        assertThat(driver.store().leaseCount()).isZero();
    }

    @Test
    void aRenewalBeginsTheTimeAnew() {
        store.apply(store.tick(0, MANY));
        store.apply(grant(1, 5, 2));
        store.apply(store.tick(2_000, MANY));

        assertThat(store.renewed(renew(1, 5, 5))).containsExactly(2L, 2L);
        store.apply(store.tick(2_000, MANY));

        assertThat(store.find(1, 5)).isEqualTo(new LeaseReader.Status(2, 0));
        store.apply(store.tick(ALLOWANCE_MS, MANY));
        assertThat(store.find(1, 5)).isNull();
    }

    @Test
    void aRenewalThatComesTooLateRevokes() {
        store.apply(grant(1, 5, 2));
        store.apply(grant(1, 6, 2));
        store.apply(putCommand(1, "a", 6));
        store.apply(store.tick(10_000, 1));
        assertThat(store.ids(1)).containsExactly(6L);

        assertThat(store.renewed(renew(1, 6))).containsExactly(0L);

        assertThat(store.ids(1)).isEmpty();
        assertThat(store.leasesOfKeys(1)).isEmpty();
    }

    @Test
    void aTickOfAnotherTermOrNumberDoesNotCount() {
        store.apply(grant(1, 5, 2));
        store.apply(store.tick(0, MANY));
        long term = store.term();

        assertThat(store.ticked(LeaseStore.tick(term - 1, 2, 99_000, MANY)).getCounted()).isFalse();
        assertThat(store.ticked(LeaseStore.tick(term + 1, 2, 99_000, MANY)).getCounted()).isFalse();
        assertThat(store.ticked(LeaseStore.tick(term, 1, 99_000, MANY)).getCounted()).isFalse();
        assertThat(store.ticked(LeaseStore.tick(term, 3, 99_000, MANY)).getCounted()).isFalse();

        assertThat(store.clock().nowMs()).isZero();
        assertThat(store.find(1, 5)).isNotNull();
        assertThat(store.ticked(LeaseStore.tick(term, 2, 99_000, MANY)).getCounted()).isTrue();
        assertThat(store.find(1, 5)).isNull();
    }

    @Test
    void aTickRevokesNoMoreThanItMayButTheFirstWhole() {
        for (int lease = 1; lease <= 4; lease++) {
            store.apply(grant(1, lease, lease));
            for (int key = 0; key < 3; key++) {
                store.apply(putCommand(1, "k" + lease + key, lease));
            }
        }

        assertThat(store.ticked(store.tick(60_000, 2)).getMore()).isTrue();
        assertThat(store.ids(1)).containsExactly(2L, 3L, 4L);
        assertThat(store.ticked(store.tick(0, 8)).getMore()).isTrue();
        assertThat(store.ids(1)).containsExactly(4L);
        assertThat(store.ticked(store.tick(0, 8)).getMore()).isFalse();

        assertThat(store.ids(1)).isEmpty();
        assertThat(store.revision(1)).as("one for each lease").isEqualTo(1 + 12 + 4);
    }

    @Test
    void leasesAreListedByTheirEnd() {
        store.apply(grant(1, 1, 30));
        store.apply(grant(1, 2, 10));
        store.apply(grant(1, -3, 20));

        assertThat(store.ids(1)).containsExactly(2L, -3L, 1L);
    }

    @Test
    void leasesSurviveARestart() {
        store.apply(store.tick(0, MANY));
        store.apply(grant(1, 5, 10));
        store.apply(putCommand(1, "a", 5));
        store.apply(store.tick(4_000, MANY));

        driver.restart();

        assertThat(store.find(1, 5)).isEqualTo(new LeaseReader.Status(10, 6));
        assertThat(store.keys(1, 5)).containsExactly("a");
        store.apply(store.tick(6_000 + ALLOWANCE_MS, MANY));
        assertThat(store.leasesOfKeys(1)).isEmpty();
    }
}
