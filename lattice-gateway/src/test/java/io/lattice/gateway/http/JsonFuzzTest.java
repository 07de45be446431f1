package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.ServerMethodDefinition;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// Any body of the JSON gateway becomes requests or is refused as not fitting; nothing else is thrown. The first byte says
/// for which method.
class JsonFuzzTest {
    private static final List<JsonMethod> METHODS = methods();

    private static List<JsonMethod> methods() {
        List<JsonMethod> methods = new ArrayList<>();
        new FakeNode()
                .services()
                .forEach(service ->
                        service.getMethods()
                                .forEach(served ->
                                        methods.add(
                                                JsonMethod.of(
                                                        served.getMethodDescriptor(), served))));
        methods.sort(Comparator.comparing(JsonMethod::name));
        return methods;
    }

    @FuzzTest(maxDuration = "5s")
    void anyBody(byte[] data) {
        if (data.length == 0) {
            return;
        }
        JsonMethod method = METHODS.get(Byte.toUnsignedInt(data[0]) % METHODS.size());
        ServerMethodDefinition<?, ?> served = method.served();
        byte[] body = Arrays.copyOfRange(data, 1, data.length);

        List<String> values = JsonValues.split(body);
        List<String> objects = objects(values);
        assertThat(objects(inPieces(body, 1 + (data[0] & 7))))
                .startsWith(objects.toArray(new String[0]));

        String text = new String(body, StandardCharsets.UTF_8);
        int at = 0;
        for (String value : values) {
            int found = text.indexOf(value, at);
            assertThat(text.substring(at, found)).isBlank();
            at = found + value.length();
            try {
                assertThat(method.parse(served, value)).isNotNull();
            } catch (InvalidProtocolBufferException refused) {
                assertThat(refused).hasMessageMatching("(?s).+");
            }
        }
        assertThat(text.substring(at)).isBlank();
    }

    /// Up to the first one that isn't an object. Where that ends is left to what comes at once.
    private static List<String> objects(List<String> values) {
        return values.stream().takeWhile(value -> value.startsWith("{")).toList();
    }

    /// The same, from pieces of so many bytes.
    private static List<String> inPieces(byte[] body, int size) {
        JsonValues cut = new JsonValues();
        List<String> values = new ArrayList<>();
        for (int at = 0; at < body.length; at += size) {
            cut.add(Unpooled.wrappedBuffer(body, at, Math.min(size, body.length - at)));
            take(cut, values);
        }
        cut.complete();
        take(cut, values);
        return values;
    }

    private static void take(JsonValues from, List<String> to) {
        for (String value = from.next(); value != null; value = from.next()) {
            to.add(value);
        }
    }
}
