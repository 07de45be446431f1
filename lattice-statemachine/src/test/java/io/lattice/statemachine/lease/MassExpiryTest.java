package io.lattice.statemachine.lease;

import static io.lattice.statemachine.lease.LeaseStore.grant;
import static io.lattice.statemachine.lease.LeaseStore.putCommand;
import static io.lattice.statemachine.lease.LeaseStore.revoke;
import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.LeaseTicked;
import io.lattice.statemachine.apply.StoreDriver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A hundred thousand at once. The limits on time are wide: they are to find costs that grow with the square, which would be
/// hours.
final class MassExpiryTest {
    private static final int MANY = 100_000;
    private static final int REVOKE_MAX = 2_000;
    private static final int COMMANDS_PER_ENTRY = 1_000;
    private static final long SECONDS_MAX = 60;

    @TempDir Path root;

    @Test
    void leasesThatEndTogetherAreRevokedInBoundedSteps() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            LeaseStore store = new LeaseStore(driver);
            // Descending, so that behind each lease's keys lie those deleted before.
            applyAll(driver, i -> grant(1, i + 1L, 5));
            applyAll(driver, i -> putCommand(1, "key-" + i, i + 1L));
            long revision = store.revision(1);
            long began = System.nanoTime();

            int ticks = 0;
            long slowest = 0;
            boolean more = true;
            while (more) {
                long tickBegan = System.nanoTime();
                LeaseTicked ticked = store.ticked(store.tick(ticks == 0 ? 5_000 : 0, REVOKE_MAX));
                slowest = Math.max(slowest, System.nanoTime() - tickBegan);
                more = ticked.getMore();
                ticks++;
            }

            long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
            System.out.printf(
                    "%d leases revoked in %d ms, %d ticks, slowest %d ms%n",
                    MANY, tookMs, ticks, TimeUnit.NANOSECONDS.toMillis(slowest));
            assertThat(ticks).isEqualTo(MANY / (REVOKE_MAX / 2));
            assertThat(store.revision(1)).isEqualTo(revision + MANY);
            assertThat(driver.store().leaseCount()).isZero();
            assertThat(store.leasesOfKeys(1)).isEmpty();
            assertThat(tookMs).isLessThan(TimeUnit.SECONDS.toMillis(SECONDS_MAX));
        }
    }

    @Test
    void oneLeaseWithManyKeysIsRevokedInOneRevisionAndDrainedInBoundedSteps() {
        try (StoreDriver driver = StoreDriver.create(root)) {
            LeaseStore store = new LeaseStore(driver);
            store.apply(grant(1, 5, 5));
            applyAll(driver, i -> putCommand(1, "key-" + i, 5));
            long revision = store.revision(1);
            long began = System.nanoTime();

            store.apply(revoke(1, 5));
            assertThat(store.revision(1)).isEqualTo(revision + 1);
            assertThat(store.leasesOfKeys(1)).isEmpty();
            int ticks = 0;
            long slowest = 0;
            boolean draining = true;
            while (draining) {
                long tickBegan = System.nanoTime();
                draining = store.ticked(store.tick(0, REVOKE_MAX)).getDraining();
                slowest = Math.max(slowest, System.nanoTime() - tickBegan);
                ticks++;
            }

            long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
            System.out.printf(
                    "a lease of %d keys revoked in %d ms, %d ticks, slowest %d ms%n",
                    MANY, tookMs, ticks, TimeUnit.NANOSECONDS.toMillis(slowest));
            assertThat(ticks).isEqualTo(MANY / DrainLimits.DEFAULT.step());
            assertThat(store.revision(1)).isEqualTo(revision + 1);
            assertThat(store.leasesOfKeys(1)).isEmpty();
            assertThat(tookMs).isLessThan(TimeUnit.SECONDS.toMillis(SECONDS_MAX));
        }
    }

    private static void applyAll(StoreDriver driver, IntFunction<Command> command) {
        for (int from = 0; from < MANY; from += COMMANDS_PER_ENTRY) {
            List<Command> commands = new ArrayList<>();
            for (int i = from; i < from + COMMANDS_PER_ENTRY; i++) {
                commands.add(command.apply(MANY - 1 - i));
            }
            driver.apply(commands);
        }
    }
}
