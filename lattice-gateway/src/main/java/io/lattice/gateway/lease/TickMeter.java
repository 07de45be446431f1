package io.lattice.gateway.lease;

import io.lattice.proto.command.LeaseTick;
import io.lattice.proto.command.LeaseTicked;
import io.lattice.statemachine.mvcc.LeaseClock;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Decides when the leader ticks and how much time each tick carries. Nanoseconds are those of the monotonic clock; what the
/// wall clock does has no part in it.
///
/// Replicated time must never run ahead: a lease that was granted or renewed before a tick was applied, and ends by later
/// ticks, has then lived for its TTL at least. Let p be when a tick was measured and a when it was applied here. Leases before
/// it in the log were applied by a, and count from the tick before plus an allowance X. Ticks behind it carry what passed
/// since its base
///
///     base = max(p, a - (X - e))
///
/// where e <= X is what it carried itself. A lease that then ends, X + TTL after the tick before, ends at base + X + TTL - e
/// at the earliest, which is a + TTL or later. Usually base is p and nothing is lost; when applying takes longer than the
/// allowance, or this process was paused, the excess isn't counted, so leases live longer by it: renewals were held up too.
///
/// A leader begins with a tick that carries nothing, and measures from when that was applied: it can't know what its
/// predecessor measured. The same after a tick whose fate is unknown. Ticks are numbered, so that of two with the same number
/// only one counts, and carry the term, so that one from a superseded leader doesn't.
///
/// Guarded by its monitor.
final class TickMeter {
    static final long INTERVAL_MS = 250;

    /// Leases and keys that one tick revokes. Applying them must not hold up other commands for long.
    static final int REVOKE_MAX = 2_000;

    /// What a tick may take from being measured to being applied, beyond the interval, before time is left uncounted.
    private static final long MARGIN_MS_MIN = 75;

    private static final long MARGIN_MS_MAX = 750;

    private long term = -1;
    private boolean measuring;
    private boolean more;
    private long baseNanos;
    private long slowestNanos;
    private @Nullable Measured inFlight;

    private record Measured(LeaseTick tick, long atNanos, boolean first, long allowanceMs) {}

    /// The next tick, to be proposed at once, or null if none is due. After one is returned, exactly one of [#ticked],
    /// [#refused] and [#lost] follows.
    ///
    /// @param leaderTerm the term in which this node leads, or -1
    /// @param needed whether there is something that ticks move on
    synchronized @Nullable LeaseTick next(
            long nowNanos, long leaderTerm, boolean needed, LeaseClock clock) {
        if (inFlight != null) {
            return null;
        }
        if (leaderTerm < 0 || !needed) {
            measuring = false;
            return null;
        }
        boolean first = !measuring || term != leaderTerm;
        long elapsedMs = 0;
        long atNanos = nowNanos;
        if (!first) {
            elapsedMs = TimeUnit.NANOSECONDS.toMillis(nowNanos - baseNanos);
            if (elapsedMs < INTERVAL_MS && !more) {
                return null;
            }
            if (elapsedMs > clock.allowanceMs()) {
                elapsedMs = clock.allowanceMs();
            } else {
                // The rest of the millisecond is the next tick's.
                atNanos = baseNanos + TimeUnit.MILLISECONDS.toNanos(elapsedMs);
            }
        }
        term = leaderTerm;
        LeaseTick tick =
                LeaseTick.newBuilder()
                        .setTerm(leaderTerm)
                        .setNumber(clock.ticks() + 1)
                        .setElapsedMs(elapsedMs)
                        .setAllowanceMs(INTERVAL_MS + marginMs())
                        .setRevokeMax(REVOKE_MAX)
                        .build();
        inFlight = new Measured(tick, atNanos, first, clock.allowanceMs());
        return tick;
    }

    /// Twice what ticks take lately: under load leases end a little later instead of time going slower.
    private long marginMs() {
        return Math.clamp(
                2 * TimeUnit.NANOSECONDS.toMillis(slowestNanos), MARGIN_MS_MIN, MARGIN_MS_MAX);
    }

    /// The tick was applied here, just now or a little earlier.
    synchronized void ticked(long nowNanos, LeaseTicked result) {
        Measured applied = inFlight;
        inFlight = null;
        measuring = applied != null && result.getCounted();
        more = result.getMore() || result.getDraining();
        if (applied == null || !measuring) {
            return;
        }
        long tookNanos =
                Math.min(nowNanos - applied.atNanos, TimeUnit.MILLISECONDS.toNanos(MARGIN_MS_MAX));
        slowestNanos = Math.max(tookNanos, slowestNanos - slowestNanos / 8);
        long spareMs = applied.allowanceMs - applied.tick.getElapsedMs();
        baseNanos =
                applied.first
                        ? nowNanos
                        : Math.max(
                                applied.atNanos, nowNanos - TimeUnit.MILLISECONDS.toNanos(spareMs));
    }

    /// The tick surely isn't in the log: the next one carries its time, as far as the allowance lets it.
    synchronized void refused() {
        measuring &= inFlight != null && !inFlight.first;
        inFlight = null;
    }

    /// It isn't known what became of the tick.
    synchronized void lost() {
        inFlight = null;
        measuring = false;
    }
}
