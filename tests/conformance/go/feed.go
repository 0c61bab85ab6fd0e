package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs"
)

// A plan is a message of ../node/feed.js as it must arrive.
type plan struct {
	DeviceID        string            `json:"deviceId"`
	GenerationID    string            `json:"generationId"`
	Body            []byte            `json:"body"`
	Properties      map[string]string `json:"properties"`
	MessageID       *string           `json:"messageId"`
	CorrelationID   *string           `json:"correlationId"`
	UserID          *string           `json:"userId"`
	ContentType     *string           `json:"contentType"`
	ContentEncoding *string           `json:"contentEncoding"`
	Expiry          *int64            `json:"expiry"`
}

func readPlans(path string) ([]plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var plans []plan
	return plans, json.Unmarshal(text, &plans)
}

func deviceOf(event *azeventhubs.ReceivedEventData) string {
	id, _ := event.SystemProperties["iothub-connection-device-id"].(string)
	return id
}

// compare says how an event differs from its plan.
func compare(event *azeventhubs.ReceivedEventData, wanted plan) error {
	what := wanted.DeviceID + " " + wanted.Properties["n"] + ": "
	properties := map[string]string{}
	for name, value := range event.Properties {
		properties[name], _ = value.(string)
	}
	raw := event.RawAMQPMessage.Properties
	if raw == nil {
		raw = &azeventhubs.AMQPAnnotatedMessageProperties{}
	}
	var user *string
	if raw.UserID != nil {
		text := string(raw.UserID)
		user = &text
	}
	return first(
		equal(what+"the body", string(event.Body), string(wanted.Body)),
		equal(what+"the properties", properties, wanted.Properties),
		equal(what+"generation", event.SystemProperties["iothub-connection-auth-generation-id"], wanted.GenerationID),
		equal(what+"source", event.SystemProperties["iothub-message-source"], "Telemetry"),
		equal(what+"message id", event.MessageID, wanted.MessageID),
		equal(what+"correlation id", event.CorrelationID, orNil(wanted.CorrelationID)),
		equal(what+"user id", user, wanted.UserID),
		equal(what+"content type", event.ContentType, wanted.ContentType),
		equal(what+"content encoding", raw.ContentEncoding, wanted.ContentEncoding),
		equal(what+"expiry", millis(raw.AbsoluteExpiryTime), wanted.Expiry),
	)
}

func orNil(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}

func millis(at *time.Time) *int64 {
	if at == nil {
		return nil
	}
	ms := at.UnixMilli()
	return &ms
}
