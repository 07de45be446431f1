package io.lattice.gateway.http;

import com.google.api.AnnotationsProto;
import com.google.api.HttpRule;
import com.google.protobuf.Descriptors;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.grpc.protobuf.ProtoServiceDescriptorSupplier;
import io.netty.handler.codec.http.HttpMethod;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// etcd's JSON gateway: the paths that the google.api.http annotations of the wire definitions give to methods, with etcd's
/// conventions (names as in the definitions, unknown fields ignored, an empty body is an empty message). Calls go to the
/// services directly. Immutable.
final class JsonGateway {
    private static final String PREFIX = "/v3/";

    /// Where the paths were in an early etcd.
    private static final String OLD_PREFIX = "/v3beta/";

    private static final HttpReply UNKNOWN =
            JsonStatus.reply(Status.NOT_FOUND.withDescription("Not Found"));
    private static final HttpReply NOT_POST =
            JsonStatus.reply(Status.UNIMPLEMENTED.withDescription("Method Not Allowed"));

    private final Map<String, JsonMethod> methods;

    private final ServerStreamTracer.Factory tracers;

    /// @param served the services of this node, with all that stands before them
    /// @param tracers is told of every call
    JsonGateway(List<ServerServiceDefinition> served, ServerStreamTracer.Factory tracers) {
        this.tracers = tracers;
        Map<String, ServerMethodDefinition<?, ?>> byName = new HashMap<>();
        for (ServerServiceDefinition service : served) {
            for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
                byName.put(method.getMethodDescriptor().getFullMethodName(), method);
            }
        }
        Map<String, JsonMethod> found = new HashMap<>();
        for (io.grpc.ServiceDescriptor service : EtcdServices.API) {
            for (MethodDescriptor<?, ?> method : service.getMethods()) {
                JsonMethod json = JsonMethod.of(method, byName.get(method.getFullMethodName()));
                paths(service, method).forEach(path -> found.put(path, json));
            }
        }
        this.methods = Map.copyOf(found);
    }

    private static List<String> paths(
            io.grpc.ServiceDescriptor service, MethodDescriptor<?, ?> method) {
        if (!(service.getSchemaDescriptor() instanceof ProtoServiceDescriptorSupplier schema)) {
            throw new IllegalArgumentException("without wire definitions: " + service.getName());
        }
        ServiceDescriptor definition = schema.getServiceDescriptor();
        Descriptors.MethodDescriptor defined =
                definition.findMethodByName(method.getBareMethodName());
        List<String> paths = new ArrayList<>();
        if (defined != null && defined.getOptions().hasExtension(AnnotationsProto.http)) {
            HttpRule rule = defined.getOptions().getExtension(AnnotationsProto.http);
            paths.add(rule.getPost());
            rule.getAdditionalBindingsList().forEach(binding -> paths.add(binding.getPost()));
        }
        return paths;
    }

    /// The paths that are known.
    Map<String, JsonMethod> methods() {
        return methods;
    }

    private static String current(String path) {
        return path.startsWith(OLD_PREFIX) ? PREFIX + path.substring(OLD_PREFIX.length()) : path;
    }

    /// Whether the path is that of a method which takes any number of requests, each as it comes.
    boolean streamsRequests(String path) {
        JsonMethod method = methods.get(current(path));
        return method != null && method.served() != null && method.streamsRequests();
    }

    /// Answers the request if its path is below the gateway's.
    ///
    /// @return whether it is
    boolean serve(HttpExchange exchange) {
        String path = current(exchange.path());
        if (!path.startsWith(PREFIX)) {
            return false;
        }
        JsonMethod method = methods.get(path);
        if (method == null) {
            exchange.reply(UNKNOWN);
        } else if (!exchange.method().equals(HttpMethod.POST)) {
            exchange.reply(NOT_POST);
        } else {
            call(exchange, method, method.served());
        }
        return true;
    }

    private void call(
            HttpExchange exchange,
            JsonMethod method,
            @Nullable ServerMethodDefinition<?, ?> served) {
        if (served == null) {
            exchange.reply(
                    JsonStatus.reply(
                            Status.UNIMPLEMENTED.withDescription(
                                    "Method not found: " + method.name())));
            return;
        }
        if (exchange.isInPieces()) {
            JsonCall.start(exchange, method, served, null, tracers);
            return;
        }
        // Like etcd: the first object counts, or none.
        List<String> values = JsonValues.split(exchange.takeBody());
        Object request;
        try {
            request = method.parse(served, values.isEmpty() ? "{}" : values.getFirst());
        } catch (InvalidProtocolBufferException e) {
            exchange.reply(JsonStatus.reply(JsonStatus.unparsable(e)));
            return;
        }
        JsonCall.start(exchange, method, served, request, tracers);
    }
}
