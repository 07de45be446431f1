package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.rpc.ErrorInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import io.lattice.cp.routing.RoutingTable;
import io.lattice.gateway.admission.EpochCheck;
import io.lattice.gateway.admission.TenantAdmission;
import io.lattice.gateway.admission.Tenants;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Calls that name a routing epoch, over a real connection, while the manifest changes.
class RoutingEpochTest {
    private final AtomicReference<Manifest> manifest = new AtomicReference<>(manifest(4));
    private final LongAdder refused = new LongAdder();
    private PortFixture fixture;

    @BeforeEach
    void open() throws Exception {
        Tenants tenants = new Tenants(manifest.get(), "default");
        TenantAdmission admission =
                new TenantAdmission(
                        () -> tenants,
                        new EpochCheck(new RoutingTable(manifest::get), refused),
                        true);
        fixture = PortFixture.behind(null, admission);
    }

    @AfterEach
    void close() throws Exception {
        fixture.close();
    }

    @Test
    void theCurrentEpochAndNoneAreServed() throws Exception {
        assertThat(range("4").getCount()).isEqualTo(1);
        assertThat(range(null).getCount()).isEqualTo(1);
        assertThat(refused.sum()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"3", "5"})
    void anotherOneIsRefusedWithBoth(String epoch) throws Exception {
        StatusRuntimeException refusal =
                catchThrowableOfType(StatusRuntimeException.class, () -> range(epoch));

        assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(refusal.getStatus().getDescription())
                .isEqualTo("routing epoch changed (expected: 4, observed: " + epoch + ")");
        ErrorInfo info = StatusProto.fromThrowable(refusal).getDetails(0).unpack(ErrorInfo.class);
        assertThat(info.getReason()).isEqualTo("RoutingEpochChanged");
        assertThat(info.getMetadataMap())
                .containsExactlyInAnyOrderEntriesOf(Map.of("expected", "4", "observed", epoch));
        assertThat(refused.sum()).isEqualTo(1);
    }

    @Test
    void aChangeHoldsFromTheNextCallOn() throws Exception {
        assertThat(range("4").getCount()).isEqualTo(1);

        manifest.set(manifest(5));

        assertThat(catchThrowableOfType(StatusRuntimeException.class, () -> range("4")))
                .hasMessageContaining("(expected: 5, observed: 4)");
        assertThat(range("5").getCount()).isEqualTo(1);
    }

    @Test
    void aTenantThatHasGoneIsExpectedNowhere() {
        manifest.set(Manifest.EMPTY);

        assertThat(catchThrowableOfType(StatusRuntimeException.class, () -> range("4")))
                .hasMessageContaining("(expected: 0, observed: 4)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "-4", "four", "4.0", "99999999999999999999"})
    void whatIsNoEpochIsAnInvalidArgument(String epoch) {
        StatusRuntimeException refusal =
                catchThrowableOfType(StatusRuntimeException.class, () -> range(epoch));

        assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(refusal).hasMessageContaining("\"" + epoch + "\"");
        assertThat(refused.sum()).isZero();
    }

    @Test
    void callsOfTheJsonGatewayAreHeldToItToo() throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> answer =
                    client.send(
                            HttpRequest.newBuilder(
                                            URI.create(
                                                    "http://127.0.0.1:%d/v3/kv/range"
                                                            .formatted(fixture.port.port())))
                                    .version(HttpClient.Version.HTTP_1_1)
                                    .timeout(Duration.ofSeconds(20))
                                    .header("Grpc-Metadata-Lattice-Routing-Epoch", "3")
                                    .POST(HttpRequest.BodyPublishers.ofString("{\"key\":\"YQ==\"}"))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());

            assertThat(answer.statusCode()).isEqualTo(400);
            assertThat(answer.body())
                    .contains("\"code\":9", "routing epoch changed (expected: 4, observed: 3)");
        }
    }

    private io.lattice.proto.etcdserverpb.RangeResponse range(String epoch) throws Exception {
        KVGrpc.KVBlockingStub kv = fixture.grpc(null, false);
        if (epoch != null) {
            Metadata metadata = new Metadata();
            metadata.put(EpochCheck.EPOCH, epoch);
            kv = kv.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
        }
        return kv.range(RangeRequest.newBuilder().setKey(ByteString.copyFromUtf8("a")).build());
    }

    private static Manifest manifest(long epoch) {
        return new Manifest(
                Map.of(
                        "default",
                        new Manifest.Tenant(
                                1,
                                "g1",
                                epoch,
                                Manifest.Access.NONE,
                                new LeaseTtlPolicy(
                                        Duration.ofSeconds(2),
                                        Duration.ofMinutes(1),
                                        Duration.ofDays(1)),
                                QuotaPolicy.UNLIMITED)),
                Map.of("g1", new Manifest.Group(List.of(new Manifest.Replica("n1", "h1:2380")))));
    }
}
