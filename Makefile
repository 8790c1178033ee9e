.PHONY: dev test lint build
dev:
	npm run dev
test:
	npm test
lint:
	npm run check
build:
	npm run build
