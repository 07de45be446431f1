package io.lattice.gateway.admission;

import io.github.bucket4j.Bucket;
import io.lattice.cp.policy.QuotaPolicy;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// What one tenant may still use on this node: requests, and bytes of requests and responses. Each has a bucket that holds one
/// second's worth and fills up evenly.
///
/// Bytes may be overdrawn, since neither a request larger than the bucket nor a response can be had in parts: whoever overdraws
/// waits until the debt is paid.
///
/// Thread-safe; never blocks.
public final class TenantMeter {
    private static final Duration PERIOD = Duration.ofSeconds(1);

    private final @Nullable Bucket requests;
    private final @Nullable Bucket bytes;
    private final QuotaPolicy quota;
    private final LongAdder throttled;

    TenantMeter(QuotaPolicy quota) {
        this(quota, new LongAdder());
    }

    private TenantMeter(QuotaPolicy quota, LongAdder throttled) {
        this.quota = quota;
        this.throttled = throttled;
        this.requests = bucket(quota.requestsPerSecond());
        this.bytes = bucket(quota.bytesPerSecond());
    }

    /// The meter by a policy that may be another one. If it is, buckets begin anew; what was refused counts on.
    TenantMeter by(QuotaPolicy policy) {
        return policy.equals(quota) ? this : new TenantMeter(policy, throttled);
    }

    private static @Nullable Bucket bucket(long perSecond) {
        return perSecond == 0
                ? null
                : Bucket.builder()
                        .addLimit(
                                limit -> limit.capacity(perSecond).refillGreedy(perSecond, PERIOD))
                        .withNanosecondPrecision()
                        .build();
    }

    /// Takes a request in.
    ///
    /// @param size of the request in bytes
    /// @return 0, or, if the tenant is over its quota, in how many nanoseconds it won't be any more
    long admit(int size) {
        if (bytes != null && bytes.getAvailableTokens() < 1) {
            throttled.increment();
            return Math.max(1, bytes.estimateAbilityToConsume(1).getNanosToWaitForRefill());
        }
        if (requests != null) {
            var probe = requests.tryConsumeAndReturnRemaining(1);
            if (!probe.isConsumed()) {
                throttled.increment();
                return Math.max(1, probe.getNanosToWaitForRefill());
            }
        }
        used(size);
        return 0;
    }

    /// Whether bytes count.
    boolean countsBytes() {
        return bytes != null;
    }

    /// Counts bytes that need no leave.
    void used(int size) {
        if (bytes != null && size > 0) {
            var _ = bytes.consumeIgnoringRateLimits(size);
        }
    }

    /// Requests that were refused since the node started.
    public long throttled() {
        return throttled.sum();
    }
}
