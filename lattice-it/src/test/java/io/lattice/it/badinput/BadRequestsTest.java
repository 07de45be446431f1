package io.lattice.it.badinput;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Requests that no client should send: answered with etcd's error, and the node works on.
class BadRequestsTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static TestCluster lattice;
    private static TestCluster etcd;

    @BeforeAll
    static void startServers() {
        lattice = CLUSTERS.plain("lattice", new LatticeKind(), 1);
        etcd = CLUSTERS.plain("etcd", new EtcdKind(false), 1);
    }

    @AfterEach
    void theNodeWorksOn() {
        NodeClient client = lattice.client(0);
        ByteString key = ByteString.copyFromUtf8("after");

        long revision =
                client.kv(5)
                        .put(PutRequest.newBuilder().setKey(key).build())
                        .getHeader()
                        .getRevision();
        long seen =
                client.kv(5)
                        .range(RangeRequest.newBuilder().setKey(key).build())
                        .getKvs(0)
                        .getModRevision();

        assertThat(seen).isEqualTo(revision);
        assertThat(lattice.process(0).isAlive()).isTrue();
    }

    private static Status putOf(TestCluster cluster, int bytes) {
        PutRequest put =
                PutRequest.newBuilder()
                        .setKey(ByteString.copyFromUtf8("large"))
                        .setValue(ByteString.copyFrom(new byte[bytes]))
                        .build();
        try {
            cluster.client(0).kv(20).put(put);
            return Status.OK;
        } catch (StatusRuntimeException e) {
            return e.getStatus();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1_500_000, 1_600_000, 2_097_000})
    void aPutAroundTheRequestLimitEndsAsInEtcd(int bytes) {
        Status expected = putOf(etcd, bytes);
        Status actual = putOf(lattice, bytes);

        assertThat(actual.getCode()).isEqualTo(expected.getCode());
        assertThat(actual.getDescription()).isEqualTo(expected.getDescription());
    }

    @ParameterizedTest
    @ValueSource(ints = {2_097_152, 3_000_000, 8_000_000})
    void aPutAboveTheTransportLimitIsRefusedInEtcdsWords(int bytes) {
        Status expected = putOf(etcd, bytes);
        Status actual = putOf(lattice, bytes);

        assertThat(actual.getCode()).isEqualTo(expected.getCode());
        assertThat(actual.getDescription()).isEqualTo(expected.getDescription());
    }

    @Test
    void aBodyThatIsNoMessageIsRefused() {
        byte[] body = {(byte) 0xff, 1, 2, (byte) 0xff};

        Status expected = send(etcd, "etcdserverpb.KV/Put", body);
        Status actual = send(lattice, "etcdserverpb.KV/Put", body);

        assertThat(actual.getCode()).isEqualTo(expected.getCode());
        assertThat(expected.getDescription()).startsWith("grpc: error unmarshalling request: ");
        assertThat(actual.getDescription()).startsWith("grpc: error unmarshalling request: ");
    }

    @Test
    void aMethodThatDoesNotExistIsUnimplemented() {
        assertThat(send(lattice, "etcdserverpb.KV/Steal", new byte[0]).getCode())
                .isEqualTo(Status.Code.UNIMPLEMENTED);
        assertThat(send(lattice, "no.such.Service/Call", new byte[0]).getCode())
                .isEqualTo(Status.Code.UNIMPLEMENTED);
    }

    private static Status send(TestCluster cluster, String method, byte[] body) {
        MethodDescriptor<byte[], byte[]> descriptor =
                MethodDescriptor.newBuilder(BYTES, BYTES)
                        .setType(MethodDescriptor.MethodType.UNARY)
                        .setFullMethodName(method)
                        .build();
        try {
            byte[] answer =
                    ClientCalls.blockingUnaryCall(
                            cluster.client(0).channel(),
                            descriptor,
                            CallOptions.DEFAULT.withDeadlineAfter(10, TimeUnit.SECONDS),
                            body);
            return Status.OK.withDescription(answer.length + " bytes");
        } catch (StatusRuntimeException e) {
            return e.getStatus();
        }
    }

    private static final MethodDescriptor.Marshaller<byte[]> BYTES =
            new MethodDescriptor.Marshaller<>() {
                @Override
                public InputStream stream(byte[] value) {
                    return new ByteArrayInputStream(value);
                }

                @Override
                public byte[] parse(InputStream stream) {
                    try {
                        return stream.readAllBytes();
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    }
                }
            };

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET / HTTP/1.0\r\n\r\n",
                "\u0000\u0001\u0002\u0003 nonsense",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthen nonsense instead of frames"
            })
    void bytesThatAreNoCallEndTheConnectionOnly(String bytes) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", lattice.node(0).clientPort())) {
            socket.setSoTimeout(20_000);
            OutputStream out = socket.getOutputStream();
            out.write(bytes.getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            socket.shutdownOutput();

            // Reads up to the end: fails by the time limit if the node keeps the connection.
            byte[] answer = socket.getInputStream().readAllBytes();

            assertThat(answer.length).isLessThan(100_000);
        } catch (SocketException reset) {
            // Cut off without a word: as good as an end.
            assertThat(reset).hasMessageContaining("reset");
        }
    }
}
