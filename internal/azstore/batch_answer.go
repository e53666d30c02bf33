package azstore

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/go-durable/durable/internal/storage"
)

// goodAnswer is what the SDK is given to read in place of the answer to a batch. It panics on answers that it does not
// expect, such as an empty one.
const goodAnswer = "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" +
	"--c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--c--\r\n--b--\r\n"

// readAnswer reads the answer to a batch of n operations. The answer as a whole says 202 in any case; inside, all
// operations succeeded, or there is one answer, for the one that failed.
func readAnswer(resp *http.Response, body []byte, n int) error {
	answers, err := innerAnswers(resp, body)
	if err != nil {
		return err
	}
	done := 0
	for {
		part, err := answers.NextPart()
		if errors.Is(err, io.EOF) && done == n {
			return nil
		}
		if err != nil {
			return unreadable(fmt.Errorf("after %d of %d operations: %w", done, n, err))
		}
		inner, err := http.ReadResponse(bufio.NewReader(part), resp.Request)
		if err != nil {
			return unreadable(err)
		}
		if inner.StatusCode >= http.StatusBadRequest {
			return failedOperation(resp, inner)
		}
		_ = inner.Body.Close()
		done++
	}
}

func unreadable(err error) error { return fmt.Errorf("answer to a batch: %w", err) }

// innerAnswers returns the answers inside the answer to a batch.
func innerAnswers(resp *http.Response, body []byte) (*multipart.Reader, error) {
	if code, _ := readODataError(body); code != "" {
		return nil, wrap(&azcore.ResponseError{StatusCode: resp.StatusCode, ErrorCode: code, RawResponse: resp},
			storage.ErrContainerNotFound)
	}
	batch := parts(resp.Header.Get("Content-Type"), bytes.NewReader(body))
	if batch == nil {
		return nil, unreadable(errors.New("not multipart"))
	}
	changeset, err := batch.NextPart()
	if err != nil {
		return nil, unreadable(err)
	}
	answers := parts(changeset.Header.Get("Content-Type"), changeset)
	if answers == nil {
		return nil, unreadable(errors.New("no changeset"))
	}
	return answers, nil
}

// failedOperation makes an error of the answer to an operation: what the operation alone would have returned.
func failedOperation(outer, inner *http.Response) error {
	text, err := io.ReadAll(inner.Body)
	if err != nil {
		return unreadable(err)
	}
	inner.Body = io.NopCloser(bytes.NewReader(text))
	code, index := readODataError(text)
	if code == "" {
		code = inner.Header.Get("x-ms-error-code")
	}
	if inner.Header.Get("x-ms-request-id") == "" {
		inner.Header.Set("x-ms-request-id", outer.Header.Get("x-ms-request-id"))
	}
	failed := wrap(&azcore.ResponseError{StatusCode: inner.StatusCode, ErrorCode: code, RawResponse: inner},
		storage.ErrNotFound)
	if index < 0 {
		return failed
	}
	return &storage.BatchError{Index: index, Err: failed}
}

func parts(contentType string, r io.Reader) *multipart.Reader {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil
	}
	return multipart.NewReader(r, params["boundary"])
}

// readODataError returns the code of an error and the operation that it is about: the message begins with its number
// and a colon. The index is -1 if it does not.
func readODataError(body []byte) (code string, index int) {
	var e struct {
		Error struct {
			Code    string `json:"code"`
			Message struct {
				Value string `json:"value"`
			} `json:"message"`
		} `json:"odata.error"`
	}
	if json.Unmarshal(body, &e) != nil {
		return "", -1
	}
	number, _, ok := strings.Cut(e.Error.Message.Value, ":")
	index, err := strconv.Atoi(number)
	if !ok || err != nil || index < 0 || index >= storage.MaxBatch {
		index = -1
	}
	return e.Error.Code, index
}
