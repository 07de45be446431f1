package io.lattice.gateway.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import io.lattice.gateway.admission.Tenants.Caller;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TenantsTest {
    private final Tenants tenants =
            new Tenants(
                    new StandaloneManifest(
                                    Map.of(
                                            "default",
                                            entry(Set.of(), Set.of()),
                                            "acme",
                                            entry(Set.of("acme-client", "both"), Set.of()),
                                            "blue",
                                            entry(Set.of("both"), Set.of("blue.test"))),
                                    List.of(new Manifest.Replica("n1", "h1:2380")))
                            .current(),
                    "default");

    @Test
    void identityComesBeforeServerNameAndMetadata() {
        Caller caller = tenants.certified(Set.of("acme-client"), "blue.test");

        assertThat(chosen(caller, null)).isEqualTo("acme");
        assertThat(chosen(caller, "acme")).isEqualTo("acme");
        assertThat(chosen(caller, "blue")).isNull();
        assertThat(chosen(caller, "default")).isNull();
        assertThat(chosen(caller, "nobody")).isNull();
    }

    @Test
    void serverNameDecidesForIdentitiesThatStandWithNoTenant() {
        assertThat(chosen(tenants.certified(Set.of("x"), "BLUE.test"), null)).isEqualTo("blue");
        assertThat(chosen(tenants.certified(Set.of("x"), "other.test"), null)).isEqualTo("default");
        assertThat(chosen(tenants.certified(Set.of("x"), null), null)).isEqualTo("default");
        assertThat(chosen(tenants.certified(Set.of("x"), null), "blue")).isNull();
    }

    @Test
    void identityOfSeveralTenantsIsToldApartByServerNameOrMetadata() {
        assertThat(chosen(tenants.certified(Set.of("both"), null), null)).isNull();
        assertThat(chosen(tenants.certified(Set.of("both"), null), "acme")).isEqualTo("acme");
        assertThat(chosen(tenants.certified(Set.of("both"), "blue.test"), null)).isEqualTo("blue");
        assertThat(chosen(tenants.certified(Set.of("both"), null), "default")).isNull();
    }

    @Test
    void insecureConnectionsMayUseAllAndThoseWithoutACertificateNone() {
        assertThat(chosen(tenants.insecure(), null)).isEqualTo("default");
        assertThat(chosen(tenants.insecure(), "blue")).isEqualTo("blue");
        assertThat(chosen(tenants.insecure(), "nobody")).isNull();
        assertThat(chosen(tenants.uncertified(), null)).isNull();
        assertThat(chosen(tenants.uncertified(), "default")).isNull();
    }

    private static @Nullable String chosen(Caller caller, @Nullable String name) {
        Tenant tenant = caller.choose(name);
        return tenant == null ? null : tenant.name();
    }

    private static StandaloneManifest.Entry entry(Set<String> identities, Set<String> serverNames) {
        return new StandaloneManifest.Entry(
                new Manifest.Access(identities, serverNames),
                new LeaseTtlPolicy(
                        Duration.ofSeconds(2), Duration.ofMinutes(1), Duration.ofDays(1)),
                QuotaPolicy.UNLIMITED);
    }
}
