package main

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// catalog is a flat view of descriptors: from kind and full name ("field mvccpb.KeyValue.key") to everything that the wire
// and the JSON gateway depend on. The file that declares a thing is left out, since it doesn't matter to either.
type catalog map[string]string

// packagesOf names the proto packages of a set.
func packagesOf(set *descriptorpb.FileDescriptorSet) map[string]bool {
	packages := map[string]bool{}
	for _, file := range set.File {
		packages[file.GetPackage()] = true
	}
	return packages
}

// catalogOf lists what the files of the given packages declare.
func catalogOf(set *descriptorpb.FileDescriptorSet, packages map[string]bool) catalog {
	c := catalog{}
	for _, file := range set.File {
		if !packages[file.GetPackage()] {
			continue
		}
		c["syntax of "+file.GetPackage()] = file.GetSyntax()
		for _, message := range file.MessageType {
			c.addMessage(file.GetPackage(), message)
		}
		for _, enum := range file.EnumType {
			c.addEnum(file.GetPackage(), enum)
		}
		for _, service := range file.Service {
			c.addService(file.GetPackage(), service)
		}
	}
	return c
}

func (c catalog) addMessage(scope string, message *descriptorpb.DescriptorProto) {
	name := scope + "." + message.GetName()
	c["message "+name] = ""
	for _, field := range message.Field {
		c["field "+name+"."+field.GetName()] = describeField(message, field)
	}
	for _, nested := range message.NestedType {
		c.addMessage(name, nested)
	}
	for _, enum := range message.EnumType {
		c.addEnum(name, enum)
	}
}

func describeField(message *descriptorpb.DescriptorProto, field *descriptorpb.FieldDescriptorProto) string {
	parts := []string{fmt.Sprint("number ", field.GetNumber()), field.GetLabel().String(), field.GetType().String()}
	if field.TypeName != nil {
		parts = append(parts, field.GetTypeName())
	}
	if field.OneofIndex != nil {
		parts = append(parts, "oneof "+message.OneofDecl[field.GetOneofIndex()].GetName())
	}
	if field.GetProto3Optional() {
		parts = append(parts, "optional")
	}
	if options := field.GetOptions(); options != nil && options.Packed != nil {
		parts = append(parts, fmt.Sprint("packed ", options.GetPacked()))
	}
	return strings.Join(parts, ", ")
}

func (c catalog) addEnum(scope string, enum *descriptorpb.EnumDescriptorProto) {
	name := scope + "." + enum.GetName()
	c["enum "+name] = ""
	for _, value := range enum.Value {
		c["value "+name+"."+value.GetName()] = fmt.Sprint("number ", value.GetNumber())
	}
}

func (c catalog) addService(scope string, service *descriptorpb.ServiceDescriptorProto) {
	name := scope + "." + service.GetName()
	c["service "+name] = ""
	for _, method := range service.Method {
		c["method "+name+"."+method.GetName()] = fmt.Sprintf("%s%s returns %s%s%s",
			streaming(method.GetClientStreaming()), method.GetInputType(),
			streaming(method.GetServerStreaming()), method.GetOutputType(), describeRoutes(method))
	}
}

func streaming(is bool) string {
	if is {
		return "stream "
	}
	return ""
}

func describeRoutes(method *descriptorpb.MethodDescriptorProto) string {
	if !proto.HasExtension(method.GetOptions(), annotations.E_Http) {
		return ""
	}
	rule := proto.GetExtension(method.GetOptions(), annotations.E_Http).(*annotations.HttpRule)
	routes := describeRoute(rule)
	for _, more := range rule.AdditionalBindings {
		routes += describeRoute(more)
	}
	return routes
}

// describeRoute prints verb and path whatever the verb is: the pattern is a oneof of wrapped and plain strings.
func describeRoute(rule *annotations.HttpRule) string {
	return fmt.Sprintf(", http %T %v body %q response %q", rule.Pattern, rule.Pattern, rule.Body, rule.ResponseBody)
}
