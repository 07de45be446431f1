package io.lattice.gateway.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.LeaseTick;
import io.lattice.proto.command.LeaseTicked;
import io.lattice.statemachine.mvcc.LeaseClock;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Leases against real time, in simulated lives of two nodes that lead in turn: ticks are slow, lost, applied late or by the
/// next leader, and nodes pause. `-Dlattice.seed=N` replays one life.
class TickMeterTest {
    private static final int SEEDS = 200;
    private static final int STEPS = 4_000;
    private static final long MS = 1_000_000;

    static LongStream seeds() {
        Long given = Long.getLong("lattice.seed");
        return given != null
                ? LongStream.of(given)
                : ThreadLocalRandom.current().longs(SEEDS, 0, 1L << 32);
    }

    @ParameterizedTest(name = "-Dlattice.seed={0}")
    @MethodSource("seeds")
    void noLeaseEndsEarlyWhateverHappens(long seed) {
        Life life = new Life(new Random(seed), true);

        life.live();

        assertThat(life.ended).isGreaterThan(10);
    }

    @ParameterizedTest(name = "-Dlattice.seed={0}")
    @MethodSource("seeds")
    void aLeaseEndsInTimeWhileNothingHappens(long seed) {
        Life life = new Life(new Random(seed), false);

        life.live();

        assertThat(life.ended).isGreaterThan(20);
        // A tick takes 50 ms at most and is seen up to 20 ms later. The allowance with twice that
        // for its margin, the time to the
        // tick that finds the lease ended, with a look up to 20 ms late, and what that tick takes.
        int tick = 50 + 20;
        assertThat(life.latestNanos / MS).isLessThan(250 + 2 * tick + 250 + 20 + tick);
    }

    @Test
    void nothingTicksWithoutLeasesOrLeadership() {
        TickMeter meter = new TickMeter();

        assertThat(meter.next(0, 1, false, LeaseClock.START)).isNull();
        assertThat(meter.next(0, -1, true, LeaseClock.START)).isNull();
    }

    @Test
    void oneTickIsUnderWayAtATime() {
        TickMeter meter = new TickMeter();

        assertThat(meter.next(0, 1, true, LeaseClock.START)).isNotNull();
        assertThat(meter.next(900 * MS, 1, true, LeaseClock.START)).isNull();
    }

    @Test
    void aNewLeaderDoesNotCountTheTimeBeforeItsFirstTick() {
        TickMeter meter = new TickMeter();
        LeaseClock clock = new LeaseClock(5_000, 7, 400);

        LeaseTick first = Objects.requireNonNull(meter.next(99_000 * MS, 3, true, clock));
        meter.ticked(99_050 * MS, counted(false));
        LeaseTick second =
                Objects.requireNonNull(
                        meter.next(99_300 * MS, 3, true, new LeaseClock(5_000, 8, 400)));

        assertThat(first.getElapsedMs()).isZero();
        assertThat(first.getNumber()).isEqualTo(8);
        assertThat(second.getElapsedMs()).isEqualTo(250);
    }

    @Test
    void aPausedLeaderCountsNoMoreThanTheAllowance() {
        TickMeter meter = new TickMeter();
        meter.next(0, 1, true, LeaseClock.START);
        meter.ticked(0, counted(false));

        LeaseTick tick =
                Objects.requireNonNull(meter.next(60_000 * MS, 1, true, new LeaseClock(0, 1, 325)));

        assertThat(tick.getElapsedMs()).isEqualTo(325);
    }

    @Test
    void aRefusedTickLeavesItsTimeToTheNext() {
        TickMeter meter = new TickMeter();
        meter.next(0, 1, true, LeaseClock.START);
        meter.ticked(0, counted(false));
        LeaseClock clock = new LeaseClock(0, 1, 325);
        meter.next(250 * MS, 1, true, clock);

        meter.refused();
        LeaseTick tick = Objects.requireNonNull(meter.next(300 * MS, 1, true, clock));

        assertThat(tick.getElapsedMs()).isEqualTo(300);
        assertThat(tick.getNumber()).isEqualTo(2);
    }

    @Test
    void ticksFollowAtOnceWhileEndedLeasesWait() {
        TickMeter meter = new TickMeter();
        meter.next(0, 1, true, LeaseClock.START);
        meter.ticked(MS, counted(true));

        LeaseTick tick = meter.next(2 * MS, 1, true, new LeaseClock(0, 1, 325));

        assertThat(tick).isNotNull();
    }

    private static LeaseTicked counted(boolean more) {
        return LeaseTicked.newBuilder().setCounted(true).setMore(more).build();
    }

    private static final class Lease {
        private final long ttlMs;
        private long renewedNanos;
        private long deadlineMs;

        Lease(long ttlMs) {
            this.ttlMs = ttlMs;
        }
    }

    /// A tick on its way into the log.
    private record Travelling(
            LeaseTick tick, int node, long proposedNanos, long appliedNanos, boolean told) {}

    private static final class Life {
        private final Random random;
        private final boolean eventful;
        private final List<TickMeter> meters = List.of(new TickMeter(), new TickMeter());
        private final List<Travelling> travelling = new ArrayList<>();
        private final List<Lease> leases = new ArrayList<>();
        private LeaseClock clock = LeaseClock.START;
        private long nowNanos = 77 * MS;
        private int leader;
        private long term = 1;
        private int ended;
        private long latestNanos;

        Life(Random random, boolean eventful) {
            this.random = random;
            this.eventful = eventful;
        }

        void live() {
            for (int step = 0; step < STEPS; step++) {
                nowNanos += random.nextLong(20 * MS);
                if (eventful) {
                    disturb();
                }
                if (random.nextInt(20) == 0) {
                    renewSome();
                }
                for (int node = 0; node < meters.size(); node++) {
                    propose(node);
                }
                applyDue();
            }
        }

        private void disturb() {
            if (random.nextInt(200) == 0) {
                nowNanos += random.nextLong(6_000 * MS);
            }
            if (random.nextInt(300) == 0) {
                term++;
                leader = random.nextInt(2);
            }
        }

        private void renewSome() {
            if (leases.isEmpty() || leases.size() < 20 && random.nextInt(2) == 0) {
                leases.add(new Lease(1_000L * (1 + random.nextInt(8))));
                renew(leases.getLast());
            } else {
                renew(leases.get(random.nextInt(leases.size())));
            }
        }

        private void renew(Lease lease) {
            lease.deadlineMs = Math.max(lease.deadlineMs, clock.deadlineMs(lease.ttlMs));
            lease.renewedNanos = nowNanos;
        }

        private void propose(int node) {
            LeaseTick tick =
                    meters.get(node)
                            .next(nowNanos, node == leader ? term : -1, !leases.isEmpty(), clock);
            if (tick == null) {
                return;
            }
            long latency =
                    eventful && random.nextInt(10) == 0
                            ? random.nextLong(2_000 * MS)
                            : random.nextLong(50 * MS);
            boolean lost = eventful && random.nextInt(20) == 0;
            if (lost) {
                meters.get(node).lost();
            }
            travelling.add(new Travelling(tick, node, nowNanos, nowNanos + latency, !lost));
        }

        private void applyDue() {
            for (Travelling due : List.copyOf(travelling)) {
                if (due.appliedNanos > nowNanos) {
                    continue;
                }
                travelling.remove(due);
                // Perhaps never appended; perhaps appended by a later leader, in its term.
                boolean appended = due.told || random.nextBoolean();
                boolean counts = appended && apply(due);
                if (due.told) {
                    meters.get(due.node)
                            .ticked(nowNanos, LeaseTicked.newBuilder().setCounted(counts).build());
                }
            }
        }

        private boolean apply(Travelling due) {
            LeaseTick tick = due.tick;
            if (tick.getTerm() != term || tick.getNumber() != clock.ticks() + 1) {
                return false;
            }
            clock =
                    new LeaseClock(
                            clock.nowMs() + tick.getElapsedMs(),
                            tick.getNumber(),
                            tick.getAllowanceMs());
            leases.removeIf(lease -> end(lease, due.proposedNanos));
            return true;
        }

        private boolean end(Lease lease, long proposedNanos) {
            if (lease.deadlineMs > clock.nowMs()) {
                return false;
            }
            long dueNanos = lease.renewedNanos + lease.ttlMs * MS;
            assertThat(proposedNanos)
                    .as("a TTL of %d ms, early by ns", lease.ttlMs)
                    .isGreaterThanOrEqualTo(dueNanos);
            latestNanos = Math.max(latestNanos, nowNanos - dueNanos);
            ended++;
            return true;
        }
    }
}
