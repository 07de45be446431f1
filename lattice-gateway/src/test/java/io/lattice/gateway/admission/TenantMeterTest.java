package io.lattice.gateway.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.cp.policy.QuotaPolicy;
import io.lattice.cp.policy.QuotaPolicy.SpaceRecovery;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TenantMeterTest {
    @Test
    void refusesRequestsBeyondTheRateAndSaysWhenToComeBack() {
        TenantMeter meter = meter(2, 0);

        assertThat(meter.admit(1_000_000)).isZero();
        assertThat(meter.admit(1_000_000)).isZero();
        assertThat(meter.admit(1)).isBetween(1L, TimeUnit.SECONDS.toNanos(1));
        assertThat(meter.throttled()).isEqualTo(1);
    }

    @Test
    void takesARequestLargerThanTheBucketAndThenWaitsUntilItIsPaid() {
        TenantMeter meter = meter(0, 1_000);

        assertThat(meter.admit(10_000)).isZero();
        assertThat(meter.admit(1))
                .isBetween(TimeUnit.SECONDS.toNanos(7), TimeUnit.SECONDS.toNanos(10));
    }

    @Test
    void countsResponses() {
        TenantMeter meter = meter(0, 1_000);

        meter.used(5_000);

        assertThat(meter.admit(1))
                .isBetween(TimeUnit.SECONDS.toNanos(3), TimeUnit.SECONDS.toNanos(5));
    }

    @Test
    void withoutLimitsNothingIsRefused() {
        TenantMeter meter = meter(0, 0);

        for (int i = 0; i < 100_000; i++) {
            assertThat(meter.admit(Integer.MAX_VALUE)).isZero();
        }
        assertThat(meter.throttled()).isZero();
    }

    private static TenantMeter meter(long requests, long bytes) {
        return new TenantMeter(new QuotaPolicy(requests, bytes, 0, SpaceRecovery.MANUAL));
    }
}
